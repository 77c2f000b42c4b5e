"""The attacks. Each does its harm, writes an Incident, and leaves the installation whole again."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from sqlalchemy import create_engine, text

from services.core.fault_injection import CrashPoint
from tools.chaos.installation import PROGRAMS, Installation, until
from tools.chaos.recorder import KILLED, KILLED_CHILD, Incident, Recorder

Fault = Callable[[Installation, Recorder, random.Random], None]
GRACE_SECONDS = 25.0  # everything has to be out by then
CRASH_SECONDS = 30.0  # under load a point is met at once
STORM_SECONDS = 1.5  # of a life, at most: about what it takes to go once through what is in hand
FULL_BYTES = 1_000_000


def kill(victim: str) -> Fault:
    """kill -9; the supervisor starts it again. Half the time the process that works alone, which its master replaces."""

    def attack(place: Installation, book: Recorder, chance: random.Random) -> None:
        incident = Incident(KILLED, victim, time.time())
        frozen = place.keeper.freeze(victim) if victim != "valkey" else []
        try:
            waiting = book.waiting() if frozen else None
            if chance.random() < 0.5 and place.keeper.kill_child(victim):
                incident.name = KILLED_CHILD
            else:
                place.keeper.kill(victim)
        finally:
            place.keeper.thaw(frozen)  # a master
        if victim == "valkey":
            until(place.platform.redis.ping, "Valkey did not come back")
        book.sample(incident, waiting)
        _over(book, incident)

    return attack


def storm(kills: int) -> Fault:
    """kill -9 of the inbound worker again and again, each time soon after it is up: it has just begun with what it had before.

    What a process died of by itself is not counted: the kills are all there.
    """

    def attack(place: Installation, book: Recorder, chance: random.Random) -> None:
        keeper = place.keeper
        for _ in range(kills):
            until(lambda: keeper.heeds("inbound", signal.SIGTERM), "inbound did not start")
            time.sleep(chance.uniform(0.0, STORM_SECONDS))
            incident = Incident("kill -9 in a storm", "inbound", time.time())
            keeper.freeze("inbound")
            waiting = book.waiting()
            keeper.kill("inbound")
            book.sample(incident, waiting)
            _over(book, incident)

    return attack


def sleep(victim: str, seconds: float) -> Fault:
    """SIGSTOP of a lease holder while a second worker stands by, SIGCONT after `seconds`: two incidents."""

    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        second = f"{victim}-standby"
        place.keeper.start(second)
        until(lambda: place.keeper.heeds(second, signal.SIGTERM), f"{second} did not start")
        stopped = Incident("SIGSTOP, a second takes over", victim, time.time())
        place.keeper.send(victim, signal.SIGSTOP)
        book.sample(stopped)
        time.sleep(seconds)
        _over(book, stopped)
        with fault(book, f"SIGCONT after {seconds:g} s", victim, is_kill=True):
            place.keeper.send(victim, signal.SIGCONT)
        place.keeper.stop(second)

    return attack


def terminate_all(place: Installation, book: Recorder, _chance: random.Random) -> None:
    """SIGTERM to all programs at once, and a new start."""
    for name in PROGRAMS:
        until(partial(place.keeper.heeds, name, signal.SIGTERM), f"{name} did not start")
    with fault(book, "SIGTERM", "all", is_kill=False) as incident:
        ends = place.keeper.stop(*PROGRAMS)
        slowest = max(ends, key=lambda name: ends[name][0])
        incident.note = f"all out after {ends[slowest][0]:.1f} s (last {slowest})"
        incident.violation = judge_ends(ends)
        for name in PROGRAMS:
            place.keeper.start(name)


def judge_ends(ends: dict[str, tuple[float, int]]) -> str:
    """What is wrong with how programs ended after SIGTERM, name -> (seconds, exit code); "" if nothing."""
    late = [f"{name} took {seconds:.1f} s" for name, (seconds, _) in ends.items() if seconds > GRACE_SECONDS]
    wrong = [f"{name} ended with {code}" for name, (_, code) in ends.items() if code != 0]
    return ", ".join([*late, *wrong])


def partition(line: str, seconds: float) -> Fault:
    """Nothing passes between the programs and Valkey or the Bot API, and nobody is told."""

    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        wire = place.wire(line)
        name = f"partition {seconds:g} s"
        with fault(book, name, line, is_kill=line == "valkey", loses_answers=line == "api"):
            wire.silence()
            time.sleep(seconds)
        wire.mend()

    return attack


def cut(line: str, seconds: float) -> Fault:
    """All connections are reset, and new ones for `seconds`."""

    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        wire = place.wire(line)
        with fault(book, f"cut {seconds:g} s", line, is_kill=False, loses_answers=line == "api"):
            wire.cut()
            time.sleep(seconds)
        wire.mend()

    return attack


def lose(line: str, seconds: float) -> Fault:
    """All connections are dead and nobody is told; new ones pass."""

    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        wire = place.wire(line)
        # What was on the line is lost at that moment: people wait from then on, not from the end of the watching.
        incident = Incident(
            "connections lost unsaid",
            line,
            time.time(),
            is_kill=line == "valkey",
            loses_answers=line == "api",
        )
        wire.lose()
        if incident.is_kill:
            book.sample(incident)  # at this moment: later what was in flight is settled or sent again
        time.sleep(seconds)
        _over(book, incident)

    return attack


def slow(line: str, seconds: float, delay: float) -> Fault:
    """Each packet takes `delay` seconds longer."""

    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        wire = place.wire(line)
        with fault(book, f"{delay * 1000:g} ms slower for {seconds:g} s", line, is_kill=False):
            wire.slow(delay)
            time.sleep(seconds)
        wire.mend()

    return attack


def api_errors(name: str, seconds: float, **spec: object) -> Fault:
    """The Bot API answers sendMessage with the sandbox's fault `spec`. Answers lost after the act are uncertain."""

    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        with fault(book, name, "api", is_kill=False, loses_answers=bool(spec.get("applied"))):
            place.telegram.post("/faults", method="sendMessage", **spec)
            time.sleep(seconds)
            place.telegram.clear_faults()

    return attack


def memory_full(seconds: float) -> Fault:
    """Valkey refuses every write that needs memory."""

    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        with fault(book, f"memory full {seconds:g} s", "valkey", is_kill=False):
            before = str(place.platform.redis.config_get("maxmemory")["maxmemory"])
            place.platform.redis.config_set("maxmemory", FULL_BYTES)
            time.sleep(seconds)
            place.platform.redis.config_set("maxmemory", before)

    return attack


def database_away(seconds: float) -> Fault:
    """SQLite: somebody holds the exclusive lock. PostgreSQL: all sessions are ended and new ones refused."""

    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        url = place.platform.settings.database_url
        holds, word = (_sqlite_locked, "locked") if url.startswith("sqlite") else (_postgres_closed, "closed")
        with fault(book, f"{word} {seconds:g} s", "database", is_kill=False), holds(url):
            time.sleep(seconds)

    return attack


def database_restarted(number: signal.Signals) -> Fault:
    """PostgreSQL ends all sessions (SIGINT) or dies (SIGKILL) and is started again."""

    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        server = place.database
        if server is None:
            raise RuntimeError("there is no server to restart")
        word = "killed" if number is signal.SIGKILL else "restarted"
        with fault(book, word, "database", is_kill=False):
            server.stop(number)
            server.start()

    return attack


def crash(victim: str, point: CrashPoint) -> Fault:
    """The program ends itself at a named point of its code; it is then started without that order."""

    def attack(place: Installation, book: Recorder, _chance: random.Random) -> None:
        keeper = place.keeper
        # From its stop on people wait for this, and for no fault before.
        incident = Incident(f"crash at {point}", victim, time.time(), lasts=True)
        keeper.stop(victim)
        life = _Life(place, victim)
        keeper.start(victim, CRASH_AT=point)
        until(lambda: keeper.heeds(victim, signal.SIGTERM), f"{victim} did not start")
        with suppress(RuntimeError):
            until(life.is_over, "", seconds=CRASH_SECONDS)
        incident.until = time.time()
        if life.is_over():
            incident.note = f"{point} met"
        else:
            incident.violation = f"{point} was never reached"
        if not life.has_a_successor:  # its children died, or nobody
            keeper.kill(victim)
        book.sample(incident)
        book.incidents.append(incident)

    return attack


class _Life:
    """A program's life: over when the keeper started it again, or when a child of it was replaced or is gone."""

    def __init__(self, place: Installation, name: str) -> None:
        self._place, self._name = place, name
        self._restarts = place.keeper.restarts.get(name, 0)
        self._children: set[int] = set()

    @property
    def has_a_successor(self) -> bool:
        """Whether the keeper saw it die and started another one."""
        return self._place.keeper.restarts.get(self._name, 0) > self._restarts

    def is_over(self) -> bool:
        """Asked again and again: children are seen by that."""
        now = set(self._place.keeper.children(self._name))
        self._children |= now
        return self.has_a_successor or now != self._children


@contextmanager
def fault(
    book: Recorder, name: str, victim: str, *, is_kill: bool, loses_answers: bool = False
) -> Iterator[Incident]:
    """An incident around the block; what is in flight is looked at in its end, when leases may have changed hands.

    What was waited for in vain (RuntimeError) is a violation, not the end of the run.
    """
    incident = Incident(name, victim, time.time(), is_kill=is_kill, loses_answers=loses_answers, lasts=True)
    try:
        yield incident
        if is_kill:
            book.sample(incident)
    except RuntimeError as error:
        incident.violation = str(error)
    finally:
        _over(book, incident)


def _over(book: Recorder, incident: Incident) -> None:
    incident.until = time.time()
    book.incidents.append(incident)


@contextmanager
def _sqlite_locked(url: str) -> Iterator[None]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=10, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


@contextmanager
def _postgres_closed(url: str) -> Iterator[None]:
    maintenance = url.rpartition("/")[0].replace("postgresql://", "postgresql+psycopg://", 1) + "/template1"
    name = url.rpartition("/")[2]
    engine = create_engine(maintenance, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": name},
            )
            try:
                yield
            finally:
                connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))
    finally:
        engine.dispose()
