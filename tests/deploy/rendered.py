"""The manifests that the tests look at: those kept in the repository, and what Helm makes of other values where it is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tools.helm.__main__ import KEPT, ROOT, Object, read

INSTALLED = ROOT / "build/helm-venv/bin/python"  # by `make helm`
PYTHON = sys.executable if find_spec("helm_python") else str(INSTALLED) if INSTALLED.exists() else ""
needs_helm = pytest.mark.skipif(not PYTHON, reason="needs Helm: `make helm` installs it")
PLAIN, EVERYTHING = KEPT
VALUES = yaml.safe_load(KEPT[PLAIN].read_text())


@cache
def kept(file: Path) -> list[Object]:
    """The objects of a rendered file, read once: not to be changed."""
    return read(file.read_text())


def of_kind(found: list[Object], kind: str) -> dict[str, Object]:
    """The objects of one kind by name."""
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def pods(found: list[Object]) -> Iterator[tuple[str, Object]]:
    """The component and template of each pod that the objects make."""
    for each in found:
        if each["kind"] in ("Deployment", "Job"):
            template = each["spec"]["template"]
            yield template["metadata"]["labels"]["app.kubernetes.io/component"], template


def containers(template: Object) -> list[Object]:
    """All containers of a pod, those that run first too."""
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether `matchLabels` fit these labels."""
    return all(labels.get(name) == value for name, value in selector["matchLabels"].items())
