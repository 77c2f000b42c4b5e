"""Every job name leads to a function a worker can run."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

from services.platform.redis.jobs import FORMER, QUEUE_OF, JobName
from tests.architecture.source import ROOT


@pytest.mark.parametrize("name", JobName)
def test_a_job_name_is_the_address_of_a_function(name: JobName) -> None:
    module, _, function = name.rpartition(".")
    job = getattr(importlib.import_module(module), function)
    parameters = inspect.signature(job).parameters.values()
    # Jobs carry ids only (JSON), by position.
    assert all(parameter.annotation in ("int", int) for parameter in parameters)


@pytest.mark.parametrize("name", sorted(set(JobName) - FORMER))
def test_somebody_rings_for_every_job(name: JobName) -> None:
    named = re.compile(rf"\bJobName\.{name.name}\b")
    ringers = [path for folder in ("jobs", "services") for path in (ROOT / folder).rglob("*.py")]
    assert any(named.search(path.read_text()) for path in ringers if path.name != "jobs.py")


def test_every_job_has_a_queue() -> None:
    assert set(QUEUE_OF) == set(JobName)
