"""The code of a former release, taken from the repository's history."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from launch.programs import ROOT

BACK = 2  # schemas: from N-2 to N
PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
LOCK = "requirements.lock"


class NoHistory(Exception):
    """The history that was asked for is not in this copy of the repository; the text says what to do."""


@dataclass(frozen=True)
class Release:
    """A release's code in `folder`: what it is called, the newest migration it has, and who runs it."""

    name: str
    folder: Path
    schema: str
    python: str = sys.executable

    @property
    def has_programs(self) -> bool:
        """Whether its Procfile has the process of owners' programs."""
        return "\nprograms:" in (self.folder / "Procfile").read_text()


def this_release() -> Release:
    """The code in this folder."""
    return Release("this release", ROOT, _newest(ROOT))


def former_release(folder: Path, ref: str = "", *, repository: Path = ROOT) -> Release:
    """The code of `ref` in the new folder `folder`; without `ref`, of the commit before the newest schema but one came.

    Raises NoHistory. It runs in an environment with the versions it names; in this one where that is so.
    """
    commit = _git(repository, "rev-parse", "--verify", "--quiet", f"{ref or _before(repository)}^{{commit}}")
    archive = subprocess.run(
        ["git", "-C", str(repository), "archive", commit], capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return Release(f"{ref or 'N-2'} ({commit[:8]})", folder, _newest(folder), _python_for(folder, repository))


def same_release(folder: Path) -> Release:
    """A copy of this code as the former release: what needs no history, and shows everything but the migration."""
    left_out = shutil.ignore_patterns(
        ".*", "__pycache__", "tests", "build", "data", "instance", "docs", "node_modules"
    )
    shutil.copytree(ROOT, folder, ignore=left_out)
    return Release("a copy of this release", folder, _newest(folder))


def _before(repository: Path) -> str:
    """The commit before the one that brought the newest migration but one to the main line."""
    number = sorted(_numbers(repository))[-(BACK)]
    log = ("log", "--first-parent", "-m", "--diff-filter=A", "--format=%H")
    commits = _git(repository, *log, "--", f"migrations/versions/{number}_*").split()
    if not commits:
        raise NoHistory(f"the commit of migration {number} is not in this copy of the repository; {_ADVICE}")
    return f"{commits[-1]}^1"


_ADVICE = "fetch its whole history (git fetch --unshallow), or name a commit that is there: --from REF"


def _git(repository: Path, *arguments: str) -> str:
    if shutil.which("git") is None:
        raise NoHistory("there is no git here to take a former release from")
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise NoHistory(f"git {arguments[0]}: {done.stderr.strip() or 'no such commit'}; {_ADVICE}")
    return done.stdout.strip()


def _numbers(folder: Path) -> set[str]:
    return {file.name.partition("_")[0] for file in folder.glob("migrations/versions/[0-9]*.py")}


def _newest(folder: Path) -> str:
    return max(_numbers(folder))


def _python_for(folder: Path, repository: Path) -> str:
    """This interpreter where this release has all that the former one names; else that of an environment of its own."""
    wanted, here = (dict(PIN.findall((place / LOCK).read_text())) for place in (folder, repository))
    if wanted.items() <= here.items():
        return sys.executable
    venv = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip: list[str | Path] = [
        venv / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "--require-hashes", "-r", folder / LOCK], check=True)
    return str(venv / "bin" / "python")
