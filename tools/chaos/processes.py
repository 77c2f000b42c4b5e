"""Processes that can be killed, stopped and asked to end, each by its own id; all end with this process."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from launch.programs import ROOT
from services.core.child_processes import tied_to_parent
from tools.servers.process_tree import children, family

STOP_SECONDS = 30.0  # what Heroku gives; ours should need less than 25
END_LOOK_SECONDS = 0.02
FREEZE_SECONDS = 5.0  # within which a stopped program stands still
STANDING = ("T", "t", "Z", "X", "")  # stopped, or no longer there
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


class Keeper:
    """Starts the programs of `commands` by name, and again whenever one ends unasked, as any supervisor does.

    Those whose names begin with one of `masters` fork the processes that work.
    """

    def __init__(
        self,
        commands: Mapping[str, list[str]],
        environ: Mapping[str, str],
        log: Path,
        masters: Sequence[str] = (),
    ) -> None:
        self._commands = dict(commands)
        self._masters = tuple(masters)
        self._environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._environ |= {"FLASK_SKIP_DOTENV": "1", "PYTHONUNBUFFERED": "1", **environ}
        self._log = log
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._killed: set[int] = set()
        self._forked: dict[int, set[int]] = {}  # by their master, as they were seen last
        self._orphaned: dict[
            int, set[int]
        ] = {}  # by their master, children that were killed and not yet replaced
        self.restarts: dict[str, int] = {}
        self.last_death = 0.0  # epoch s
        self.own_deaths: list[tuple[float, str]] = []  # when (epoch s) a program ended that nobody had killed
        self._watcher: threading.Thread | None = None

    def start(self, name: str, **environ: str) -> None:
        """Start a program, with more in its environment if wanted."""
        command = tied_to_parent(self._commands[name])
        with self._lock, self._log.open("ab") as output:
            self._running[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**self._environ, **environ},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def replace(self, name: str, command: list[str]) -> None:
        """Have a program started by another command from now on; one that runs goes on."""
        with self._lock:
            self._commands[name] = command

    def watch(self) -> None:
        """From now on start again what dies."""
        self._watcher = threading.Thread(target=self._watch_for_ever, daemon=True, name="watcher")
        self._watcher.start()

    def pid(self, name: str) -> int:
        """The process id of a running program."""
        return self._running[name].pid

    def family(self, name: str) -> list[int]:
        """The process ids of a running program and its descendants."""
        return family(self.pid(name))

    def children(self, name: str) -> list[int]:
        """The process ids of a running program's children."""
        return children(self.pid(name))

    def is_running(self, name: str) -> bool:
        """Whether it was started and has not ended."""
        return name in self._running and self._running[name].poll() is None

    def heeds(self, name: str, number: signal.Signals) -> bool:
        """Whether the program has a handler for the signal: one that is still starting has none."""
        return self.is_running(name) and any(catches(pid, number) for pid in self.family(name))

    def kill(self, name: str, *, again: bool = True) -> None:
        """SIGKILL to the program and its descendants; the watcher starts it again, unless that is not wanted."""
        with self._lock:
            process = self._running[name]
            self._kill(self.family(name))
            process.wait()
            if not again:
                del self._running[name]

    def kill_child(self, name: str) -> bool:
        """SIGKILL to the children of a master alone, which it replaces; whether there was one."""
        with self._lock:
            found = self.children(name) if self._is_master(name) else []
            self._kill(found)
            if found:
                self._orphaned[self.pid(name)] = set(found)
                self.last_death = time.time()
            return bool(found)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the program and its descendants."""
        _signal(self.family(name), number)

    def freeze(self, name: str) -> list[int]:
        """SIGSTOP to the program and its descendants; returns when they all stand still, with their process ids. Else whoever takes
        the place of one that is killed has sent again, and settled, before anybody looked at what was in flight.
        """
        deadline, pids = time.monotonic() + FREEZE_SECONDS, list[int]()
        while (found := self.family(name)) != pids or any(state(pid) not in STANDING for pid in pids):
            if time.monotonic() > deadline:
                self.thaw(pids)
                raise RuntimeError(f"{name} does not stand still")
            _signal(set(found) - set(pids), signal.SIGSTOP)  # forked while its parent was not stopped yet
            pids = found
            time.sleep(0.001)
        return pids

    @staticmethod
    def thaw(pids: Sequence[int]) -> None:
        """SIGCONT to those that are still there."""
        _signal(pids, signal.SIGCONT)

    def _kill(self, pids: Sequence[int]) -> None:
        self._killed.update(pids)
        _signal(pids, signal.SIGKILL)

    def stop(self, *names: str) -> dict[str, tuple[float, int]]:
        """SIGTERM to all of `names` at once; how long each took in s and its exit code. They are not started again."""
        with self._lock:
            going = {name: self._running.pop(name) for name in names if name in self._running}
        began = time.monotonic()
        for process in going.values():
            process.terminate()
        ends: dict[str, tuple[float, int]] = {}
        while len(ends) < len(going):
            time.sleep(END_LOOK_SECONDS)
            lasted = time.monotonic() - began
            for name, process in going.items():
                if lasted > STOP_SECONDS:
                    process.kill()
                    process.wait()
                if name not in ends and process.poll() is not None:
                    ends[name] = (lasted, process.returncode)
        return ends

    def close(self) -> None:
        """End the watching, then everything."""
        self._ended.set()
        if self._watcher is not None:
            self._watcher.join(5)
        for name in list(self._running):  # a stopped one would not hear
            self.send(name, signal.SIGCONT)
        names = list(self._running)
        self.stop(*(name for name in names if name != "valkey"))
        self.stop(*names)

    def _watch_for_ever(self) -> None:
        while not self._ended.wait(0.1):
            with self._lock:
                for name in list(self._running):
                    self._look_after(name)

    def _look_after(self, name: str) -> None:
        process = self._running[name]
        if process.poll() is not None:
            self.restarts[name] = self.restarts.get(name, 0) + 1
            self._forked.pop(process.pid, None)
            if self._orphaned.pop(process.pid, None):
                self._killed.add(process.pid)  # it ended as its child did
            self._note_deaths(name, {process.pid})
            self.start(name)
        elif self._is_master(name):
            now = set(children(process.pid))
            if now - self._orphaned.get(process.pid, now):
                del self._orphaned[process.pid]
            self._note_deaths(name, self._forked.get(process.pid, set()) - now)
            self._forked[process.pid] = now

    def _is_master(self, name: str) -> bool:
        return name.startswith(self._masters)

    def _note_deaths(self, name: str, dead: set[int]) -> None:
        if dead:
            self.last_death = time.time()
        if dead - self._killed:
            self.own_deaths.append((self.last_death, name))


def state(pid: int) -> str:
    """What `ps` calls the state of a process, as T for a stopped one; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    mask = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))
    return bool(mask >> (number - 1) & 1)
