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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from services.platform.redis import keys
from tools.chaos.faults import fault
from tools.chaos.installation import Installation, port_of, programs, through, until
from tools.chaos.proxy import Proxy
from tools.chaos.recorder import Incident, Recorder

WORKERS = ("inbound", "outbound", "clock")
START_SECONDS = 8.0  # about: of the first host's workers, while the second takes up what is in the lanes
AFTER_SECONDS = 3.0  # both serve again
NAMED = ("unshare", "--uts", "sh", "-c", 'hostname host-two && exec "$@"', "sh")  # as root alone


@dataclass(frozen=True)
class SecondHost:
    """Its programs by name and its lines."""

    place: Installation
    names: tuple[str, ...]
    wires: tuple[Proxy, ...]

    def leases(self) -> int:
        """How many lanes and shards its workers hold."""
        pids = {str(pid) for name in self.names for pid in self.place.keeper.family(name)}
        redis = self.place.platform.redis
        names = [
            keys.lease(f"{kind}:{number}")
            for kind in ("lane", "outbox")
            for number in range(self.place.platform.settings.update_lanes)
        ]
        tokens = (str(token).split(".") for token in redis.mget(names) if token)
        return sum(len(token) > 1 and token[1] in pids for token in tokens)

    def send(self, number: signal.Signals) -> None:
        """A signal to all its programs, their children included."""
        for name in self.names:
            self.place.keeper.send(name, number)


class HostFault:
    """`prepare` before people write: the second host serves alone. Called while they do: it takes the leases, and is harmed."""

    def __init__(
        self,
        name: str,
        seconds: float,
        harm: Callable[[SecondHost], None],
        mend: Callable[[SecondHost], None],
        *,
        loses_answers: bool = False,
    ) -> None:
        self._name, self._seconds = name, seconds
        self._harm, self._mend = harm, mend
        self._loses_answers = loses_answers
        self._stack = ExitStack()
        self._host: SecondHost | None = None

    def prepare(self, place: Installation) -> None:
        """Start the second host, and end the workers of the first."""
        self._host = self._stack.enter_context(_running(place))
        place.keeper.stop(*WORKERS)

    def __call__(self, place: Installation, book: Recorder, _chance: random.Random) -> None:
        """Start the first again, then the harm, then its end."""
        host = self._host
        if host is None:
            raise RuntimeError("the second host was not prepared")
        with self._stack:
            for each in WORKERS:
                place.keeper.start(each)
            _up(place, WORKERS)
            self._hurt(host, book)
            with fault(
                book,
                f"{self._name}, back after {self._seconds:g} s",
                "all",
                is_kill=True,
                loses_answers=self._loses_answers,
            ):
                self._mend(host)
            time.sleep(AFTER_SECONDS)

    def _hurt(self, host: SecondHost, book: Recorder) -> None:
        name = f"{self._name}, the first takes over"
        lost = Incident(name, "all", time.time(), loses_answers=self._loses_answers)
        lost.note = f"it held {host.leases()} leases"
        if not host.leases():
            lost.violation = "it held no lease, so nothing was shown"
        self._harm(host)
        book.sample(lost)
        time.sleep(self._seconds)
        lost.until = time.time()
        book.incidents.append(lost)


def freeze(seconds: float) -> HostFault:
    """All its programs stand still, as on a paused virtual machine, and go on where they were."""
    return HostFault(
        "second host frozen",
        seconds,
        lambda host: host.send(signal.SIGSTOP),
        lambda host: host.send(signal.SIGCONT),
    )


def cut_off(seconds: float) -> HostFault:
    """It reaches nobody, and goes on all the same; what was on its lines arrives when it is back."""

    def harm(host: SecondHost) -> None:
        for wire in host.wires:
            wire.silence()

    def mend(host: SecondHost) -> None:
        for wire in host.wires:
            wire.mend()

    return HostFault("second host cut off", seconds, harm, mend, loses_answers=True)


def power_off(seconds: float) -> HostFault:
    """It loses its power and comes back: nobody can look whether its processes live."""

    def harm(host: SecondHost) -> None:
        for wire in host.wires:
            wire.lose()
        for name in host.names:
            host.place.keeper.kill(name, again=False)

    def mend(host: SecondHost) -> None:
        for name in host.names:
            host.place.keeper.start(name)

    return HostFault("second host without power", seconds, harm, mend)


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
