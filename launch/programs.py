"""The programs of an installation: those of the Procfile, and what a launch adds to them."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.core.child_processes import tied_to_parent

if TYPE_CHECKING:  # the entry of each container reads the Procfile here, and has no server to embed
    from launch.valkey import Server

ROOT = Path(__file__).resolve().parent.parent
READY = "ready"  # beside the counts of starts, a file that appears once everything runs
RELEASE = "release"  # run once per deployment, not a process
WORKER = "worker"


@dataclass(frozen=True)
class Program:
    """A program to keep running: its name in the console and its command line."""

    name: str
    command: list[str]
    options: tuple[str, ...] = ()

    def tied_to_parent(self, starts: Path) -> list[str]:
        """The command line that starts it bound to its parent's life, its starts counted in a file of the folder `starts`."""
        options = (*self.options, "--starts", str(starts / self.name), "--ready", str(starts / READY))
        return tied_to_parent(self.command, options)


def procfile_programs(gate: Path, workers: int = 1) -> list[Program]:
    """The processes of the Procfile, so many of them workers; they wait until `gate` exists."""
    counts = {RELEASE: 0, WORKER: workers}
    return [
        gated(_numbered(name, number), command, gate)
        for name, command in procfile_commands().items()
        for number in range(1, counts.get(name, 1) + 1)
    ]


def procfile_commands() -> dict[str, list[str]]:
    """The commands of the Procfile by name: web, worker, …, and `release`, which ends."""
    lines = (line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines() if line.strip())
    return {name.strip(): shlex.split(command) for name, _, command in lines}


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def gated(name: str, command: list[str], gate: Path) -> Program:
    """A program that waits until `gate` exists."""
    return Program(name, command, ("--gate", str(gate)))


def server_program(server: Server) -> Program:
    """The embedded server; the lock keeps a second one off its files, however the first was orphaned."""
    return Program(server.engine.name, server.command, ("--alone", str(server.folder / "server.lock")))


def program_environment(environ: dict[str, str], data_dir: Path) -> dict[str, str]:
    """What the programs get: this environment, our interpreter's programs first on PATH, DATA_DIR absolute."""
    folders = [str(Path(sys.executable).parent), *filter(None, [environ.get("PATH")])]
    return {
        **environ,
        "PATH": os.pathsep.join(folders),
        "DATA_DIR": str(data_dir.resolve()),
        "PYTHONUNBUFFERED": "1",
    }
