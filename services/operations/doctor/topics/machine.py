"""The machine: disk, memory, limits, and what is installed on it."""

from __future__ import annotations

import os
import re
import resource
import sys
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from services.core.i18n import Text
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts
from services.operations.storage import disk_is_low, free_bytes
from services.platform.application import ROOT
from services.traffic.clicks.spool import Spool

warning = partial(check, Topic.MACHINE, Severity.WARNING)
error = partial(check, Topic.MACHINE, Severity.ERROR)
FEWEST_INODES: Final = 1000
FEWEST_FILES: Final = 4096  # a thousand connections, with room for Redis, the database and logs
LOW_MEMORY: Final = 0.1
BUSY: Final = 4.0  # waiting programs per processor
PINNED: Final = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[.*\])?==([^ ;\\]+)( ;[^\\]*)?", re.MULTILINE)


@error(
    why=Text("The database, Redis' file and clicks that Redis does not take have no place any more."),
    advice=Text(
        "Make room on the disk of DATA_DIR, or raise it; DISK_FREE_MB says from when on this is told."
    ),
)
def disk_nearly_full(facts: Facts) -> Text | None:
    """The disk of DATA_DIR has room."""
    return (
        Text("{n} MB are free", n=free_bytes(facts.platform) // 2**20)
        if disk_is_low(facts.platform)
        else None
    )


@error(
    why=Text("No file can be made, however many bytes are free."),
    advice=Text("Look for folders with very many small files on the disk of DATA_DIR."),
)
def no_inodes_left(facts: Facts) -> Text | None:
    """The disk of DATA_DIR has room for files."""
    disk = os.statvfs(facts.settings.data_dir)
    if not disk.f_files or disk.f_favail >= FEWEST_INODES:
        return None
    return Text("{n} more files fit", n=disk.f_favail)


@error(
    why=Text("Should Redis fail, clicks have no place to wait."),
    advice=Text(
        "Give the folder to the user that the processes run as, and see whether the disk is mounted for reading only."
    ),
)
def data_dir_not_writable(facts: Facts) -> Text | None:
    """DATA_DIR takes files."""
    try:
        Spool(facts.settings.data_dir / "spool").check_writable()
    except OSError as failed:
        return Text("{folder}: {reason}", folder=str(facts.settings.data_dir), reason=failed.strerror or "")
    return None


def _folder_of(path: Path) -> Path:
    return path if path.is_absolute() else ROOT / path


def _missing(facts: Facts) -> list[Path]:
    wanted = (facts.settings.plugins_dir, facts.settings.config_dir)
    return [folder for folder in map(_folder_of, wanted) if not folder.is_dir()]


def _make_folders(facts: Facts) -> None:
    for folder in _missing(facts):
        folder.mkdir(parents=True)


@warning(
    why=Text("Files that are put there later are not seen, and a wrong path looks like an empty folder."),
    advice=Text("Make the folder, or correct PLUGINS_DIR and CONFIG_DIR."),
    remedy=_make_folders,
)
def folders_missing(facts: Facts) -> Text | None:
    """The folders of plugins and of bots' files are there."""
    missing = _missing(facts)
    return Text("{folder} is missing", folder=str(missing[0])) if missing else None


@warning(
    why=Text("The system ends programs when no memory is left, Redis or the database first."),
    advice=Text("Give the machine more memory, or run fewer processes on it."),
)
def memory_low(facts: Facts) -> Text | None:
    """The machine has memory left."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        raise NotApplicable
    found = {line.partition(":")[0]: int(line.split()[1]) for line in meminfo.read_text().splitlines()}
    share = found["MemAvailable"] / found["MemTotal"]
    return Text("{percent} percent is left", percent=round(100 * share)) if share < LOW_MEMORY else None


@warning(
    why=Text(
        "Everything waits for a processor: clicks, replies, checks, which then call bots late that are not."
    ),
    advice=Text("See what takes the time, and spread the processes over more machines."),
)
def processors_busy(facts: Facts) -> Text | None:
    """The processors keep up."""
    each = os.getloadavg()[1] / (os.cpu_count() or 1)
    return Text("{n} programs wait for each processor", n=round(each, 1)) if each > BUSY else None


@warning(
    why=Text("Each connection is an open file: at the limit visitors are refused."),
    advice=Text(
        "Raise the limit for the processes: `ulimit -n 65536`, LimitNOFILE= in systemd, --ulimit nofile in Docker."
    ),
)
def few_open_files(facts: Facts) -> Text | None:
    """Enough files may be open at once."""
    now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Text("{n} may be open", n=now) if now != resource.RLIM_INFINITY and now < FEWEST_FILES else None


@error(
    why=Text("The code uses what an older one does not have."),
    advice=Text("Install Python 3.11 or newer and make the environment anew."),
)
def python_old(facts: Facts) -> Text | None:
    """Python is new enough."""
    return (
        None if sys.version_info >= (3, 11) else Text("Python is {version}", version=sys.version.split()[0])
    )


@warning(
    why=Text(
        "The release was tested with the versions in requirements.lock; others may behave otherwise, or have known holes."
    ),
    advice=Text("pip install --require-hashes -r requirements.lock"),
)
def other_versions_installed(facts: Facts) -> Text | None:
    """What is installed is what the release was tested with."""
    lock = ROOT / "requirements.lock"
    if not lock.exists():
        raise NotApplicable
    other = []
    for name, wanted, condition in PINNED.findall(lock.read_text()):
        try:
            there = version(name)
        except PackageNotFoundError:
            there = wanted if condition else "-"  # for another Python or system
        if there != wanted:
            other.append(f"{name} {there} ({wanted})")
    return Text("{n} packages: {names}", n=len(other), names=", ".join(other[:3])) if other else None
