"""Every job name leads to a function a worker can run."""

from __future__ import annotations

import importlib
import inspect

import pytest

from services.platform.redis.jobs import QUEUE_OF, JobName


@pytest.mark.parametrize("name", JobName)
def test_a_job_name_is_the_address_of_a_function(name: JobName) -> None:
    module, _, function = name.rpartition(".")
    job = getattr(importlib.import_module(module), function)
    parameters = inspect.signature(job).parameters.values()
    # Jobs carry ids only (JSON), by position.
    assert all(parameter.annotation in ("int", int) for parameter in parameters)


def test_every_job_has_a_queue() -> None:
    assert set(QUEUE_OF) == set(JobName)
