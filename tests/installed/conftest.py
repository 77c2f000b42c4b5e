"""A clean clone, and what the check measured, printed at its end."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installed.commands import ROOT, Clone, kill, newcomer

MEASURED = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def measured(pytestconfig: pytest.Config) -> list[str]:
    """Lines for the end of the run."""
    return pytestconfig.stash.setdefault(MEASURED, [])


@pytest.fixture(scope="session", autouse=True)
def _told_to_end() -> None:
    """A SIGTERM, as of a CI that gives up, tears down as Ctrl-C does: nothing of ours may stay."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", returncode=143))


@pytest.fixture(scope="session")
def clone(measured: list[str]) -> Iterator[Clone]:
    """What is committed, cloned into a folder of its own. Afterwards the folder and whatever runs in it are gone."""
    with tempfile.TemporaryDirectory(prefix="flotilla-clone-", ignore_cleanup_errors=True) as folder:
        clone = Clone(Path(folder).resolve() / "flotilla", begun=time.time())
        _git("clone", "--quiet", str(ROOT), str(clone.folder))
        if changed := _git("-C", str(ROOT), "status", "--short"):
            measured.append(f"not in the clone, because not committed: {len(changed.splitlines())} files")
        try:
            yield clone
        finally:
            kill(clone.folder)


@pytest.fixture(scope="session")
def installed(clone: Clone) -> Clone:
    """The clone with its environment, made as `make run` makes it where it is not there yet."""
    made = subprocess.run(
        ["make", ".venv/.run"],
        cwd=clone.folder,
        env=newcomer(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert made.returncode == 0, f"make .venv/.run failed\n{made.stdout}{made.stderr}"
    return clone


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures."""
    for line in config.stash.get(MEASURED, []):
        terminalreporter.write_line(f"installed: {line}")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, timeout=60, check=False, env=newcomer()
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}\n{done.stderr}"
    return done.stdout
