"""The job of the doctor: a look at the installation from a worker, for the page of administrators."""

from __future__ import annotations

from jobs.process import platform
from services.operations.doctor import requests


def run_doctor(fix: int) -> None:
    """Look at everything; with 1 mend what is safe."""
    requests.run_doctor(platform(), fix=bool(fix))
