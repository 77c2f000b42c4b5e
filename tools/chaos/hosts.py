"""A second host with its own data folder, lines and name, over the same Valkey and database; it freezes, is cut off or dies, and comes back.

Its workers serve alone when it happens, so that it holds the leases; those of the first host stand by. Nobody can tell a host
that froze from one that is cut off or dead: its leases run out.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from tools.chaos.faults import Fault, fault
from tools.chaos.installation import Installation, port_of, programs, through, until
from tools.chaos.proxy import Proxy
from tools.chaos.recorder import Incident, Recorder

WORKERS = ("inbound", "outbound", "clock")
START_SECONDS = 15.0  # about: of its start, and of the first one's
HOLD_SECONDS = 3.0  # the second host alone takes up what is in the lanes
NAMED = ("unshare", "--uts", "sh", "-c", 'hostname host-two && exec "$@"', "sh")  # as root alone


@dataclass(frozen=True)
class SecondHost:
    """Its programs by name and its lines."""

    place: Installation
    names: tuple[str, ...]
    wires: tuple[Proxy, ...]

    def send(self, number: signal.Signals) -> None:
        """A signal to all its programs, their children included."""
        for name in self.names:
            for pid in (*self.place.keeper.children(name), self.place.keeper.pid(name)):
                os.kill(pid, number)


def freeze(seconds: float) -> Fault:
    """All its programs stand still, as on a paused virtual machine, and go on where they were."""

    def harm(host: SecondHost) -> None:
        host.send(signal.SIGSTOP)

    return _second_host("second host frozen", seconds, harm, lambda host: host.send(signal.SIGCONT))


def cut_off(seconds: float) -> Fault:
    """It reaches nobody, and goes on all the same; what was on its lines arrives when it is back."""

    def harm(host: SecondHost) -> None:
        for wire in host.wires:
            wire.silence()

    def mend(host: SecondHost) -> None:
        for wire in host.wires:
            wire.mend()

    return _second_host("second host cut off", seconds, harm, mend, loses_answers=True)


def power_off(seconds: float) -> Fault:
    """It loses its power and comes back: nobody can look whether its processes live."""

    def harm(host: SecondHost) -> None:
        for name in host.names:
            host.place.keeper.kill(name, again=False)
        for wire in host.wires:
            wire.lose()

    def mend(host: SecondHost) -> None:
        for name in host.names:
            host.place.keeper.start(name)

    return _second_host("second host without power", seconds, harm, mend)


def _second_host(
    name: str,
    seconds: float,
    harm: Callable[[SecondHost], None],
    mend: Callable[[SecondHost], None],
    *,
    loses_answers: bool = False,
) -> Fault:
    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        keeper = place.keeper
        with _running(place) as host:
            keeper.stop(*WORKERS)
            time.sleep(HOLD_SECONDS)
            for each in WORKERS:
                keeper.start(each)
            _up(place, WORKERS)
            lost = Incident(f"{name}, the first takes over", "all", time.time(), loses_answers=loses_answers)
            harm(host)
            book.sample(lost)
            time.sleep(seconds)
            lost.until = time.time()
            book.incidents.append(lost)
            with fault(
                book, f"{name}, back after {seconds:g} s", "all", is_kill=True, loses_answers=loses_answers
            ):
                mend(host)

    return attack


@contextmanager
def _running(place: Installation) -> Iterator[SecondHost]:
    keeper, settings = place.keeper, place.platform.settings
    folder = place.folder / "host-two"
    folder.mkdir(exist_ok=True)
    urls = {"REDIS_URL": settings.redis_url, "TELEGRAM_API_URL": settings.telegram_api_url + "/"}
    if place.database is not None:
        urls["DATABASE_URL"] = settings.database_url
    wires = {name: Proxy(port_of(url)) for name, url in urls.items()}
    environ = {name: through(wires[name], url).rstrip("/") for name, url in urls.items()} | {
        "DATA_DIR": str(folder)
    }
    prefix = [*(NAMED if os.geteuid() == 0 and shutil.which("unshare") else ()), "env"]
    prefix += [f"{name}={value}" for name, value in environ.items()]
    names = tuple(f"{name}-two" for name in WORKERS)
    for name in WORKERS:
        keeper.replace(f"{name}-two", [*prefix, *programs()[name]])
        keeper.start(f"{name}-two")
    try:
        _up(place, names)
        yield SecondHost(place, names, tuple(wires.values()))
    finally:
        keeper.stop(*names)
        for wire in wires.values():
            wire.close()


def _up(place: Installation, names: Sequence[str]) -> None:
    for name in names:
        until(partial(place.keeper.heeds, name, signal.SIGTERM), f"{name} did not start")
