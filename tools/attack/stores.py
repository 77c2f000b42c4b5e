"""Stores that are full or away: Redis flooded by one tenant and at its maxmemory, a full disk, PostgreSQL killed."""

from __future__ import annotations

import ctypes
import errno
import secrets
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from services.platform.redis import keys
from tools.attack.hostile_updates import deliver, last_sent, unanswered
from tools.attack.result import Impossible, Row, Size
from tools.attack.target import Target
from tools.attack.visits import Visits, stored, visiting
from tools.chaos.installation import until

KEYS_PER_ACCOUNT = 100  # IDEMPOTENCY_KEYS_PER_ACCOUNT of the installation
PAUSE_SECONDS = 0.03
BACK_SECONDS = 60.0  # in which everything has to work again
DISK_BYTES = 96 * 2**20
CLONE_NEWNS = 0x20000  # linux/sched.h


@dataclass
class Deliveries:
    """Updates by webhook, one after the other: what each was answered, and which were accepted."""

    statuses: Counter[bool] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)


@contextmanager
def delivering(target: Target) -> Iterator[Deliveries]:
    """Persons' texts to the first tenant's bot as long as the block runs, each sent once more until it is accepted."""
    found, ended, run = Deliveries(), threading.Event(), secrets.token_hex(3)

    def send() -> None:
        client, number = target.client(), secrets.randbelow(10**8) + 10**9
        while not ended.wait(PAUSE_SECONDS):
            text = f"{run} {number}"
            accepted = bool(deliver(client, target.ana.bot, number, text))
            found.statuses[accepted] += 1
            if accepted:
                found.accepted.append(text)
                number += 1

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def flood_keys(target: Target, size: Size) -> Iterator[Row]:
    """One tenant with a new Idempotency-Key for each request, long ones too."""
    client, before = target.by_key(target.ana), _records(target)
    statuses = Counter(
        client.post_json("/api/v1/keys", {"name": 5}, Idempotency_Key=str(uuid4())).status
        for _ in range(size.keys)
    )
    kept = len(_records(target) - before)
    yield Row(
        f"{size.keys} requests, each with another Idempotency-Key",
        f"Redis keeps at most the {KEYS_PER_ACCOUNT} that IDEMPOTENCY_KEYS_PER_ACCOUNT allows",
        kept <= KEYS_PER_ACCOUNT and max(statuses) < 500,
        f"{kept} kept, statuses {dict(statuses)}",
    )


def fill_redis(target: Target, size: Size) -> Iterator[Row]:
    """Redis at its maxmemory, which refuses every write, and back."""
    redis = target.platform.redis
    limit = int(str(redis.config_get("maxmemory")["maxmemory"]))
    yield Row(
        "nothing",
        "the embedded server has a maxmemory and forgets nothing when it is reached",
        limit > 0 and redis.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction",
        f"maxmemory {limit:,} bytes",
    )

    @contextmanager
    def full() -> Iterator[None]:
        redis.config_set("maxmemory", "1mb")
        try:
            yield
        finally:
            redis.config_set("maxmemory", limit)

    yield from _without(target, size, full(), "Redis at its maxmemory")


def fill_disk(target: Target, size: Size) -> Iterator[Row]:
    """Nothing can be written to DATA_DIR any more, until the files in the way are deleted."""
    fillers = [target.data_dir / "filler", target.data_dir / "crumbs"]

    @contextmanager
    def full() -> Iterator[None]:
        for filler, piece in zip(fillers, (bytes(2**16), b"x"), strict=True):
            _fill(filler, piece)
        try:
            yield
        finally:
            for filler in fillers:
                filler.unlink()

    yield from _without(target, size, full(), "a full disk")


def kill_postgres(target: Target, size: Size) -> Iterator[Row]:
    """kill -9 of the server under clicks and updates, and a new start after a while."""
    assert target.database is not None
    since = last_sent(target)
    with visiting(target) as visits, delivering(target) as deliveries:
        until(lambda: len(deliveries.accepted) > 5, "no update was accepted")
        target.database.stop(signal.SIGKILL)
        time.sleep(size.seconds)
        target.database.start()
        until(lambda: _is_ready(target), "the installation was not ready again", BACK_SECONDS)
    missing = unanswered(target, target.ana.bot, since, deliveries.accepted)
    rows = stored(target, visits)
    yield Row(
        f"{len(visits.statuses)} clicks and {deliveries.statuses.total()} updates, PostgreSQL away for {size.seconds:g} s",
        "clicks are 302 and stored in the end, updates 200 and answered or 503, and it recovers by itself",
        visits.all_redirected and not missing and rows == len(visits.statuses),
        f"{visits.figure}, {rows} stored; {len(deliveries.accepted)} updates accepted, {len(missing)} unanswered, "
        f"{deliveries.statuses[False]} refused",
    )


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A small file system as DATA_DIR of an installation in `folder`, which nobody but this process and its children sees.

    The process stays in a mount namespace of its own, so that however it ends nothing is left. Raises Impossible.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise Impossible(f"a mount namespace is not allowed here ({errno.errorcode[ctypes.get_errno()]})")
    place = folder / "instance"
    place.mkdir()
    try:
        for command in ("mount --make-rprivate /", f"mount -t tmpfs -o size={DISK_BYTES} tmpfs {place}"):
            subprocess.run(command.split(), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Impossible(f"a small file system cannot be mounted here ({error})") from None
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _without(target: Target, size: Size, outage: object, what: str) -> Iterator[Row]:
    """Clicks and updates while a store refuses writes; and whether nothing accepted is lost when it takes them again."""
    since = last_sent(target)
    client = target.client()
    with visiting(target) as visits, delivering(target) as deliveries:
        until(lambda: len(deliveries.accepted) > 5, "no update was accepted")
        with outage:  # type: ignore[attr-defined]
            time.sleep(0.5)
            refused, accepted = deliveries.statuses[False], len(deliveries.accepted)
            time.sleep(size.seconds)
            refused, accepted = deliveries.statuses[False] - refused, len(deliveries.accepted) - accepted
            ready = client.get("/health/ready").status
        until(lambda: _is_ready(target), "the installation was not ready again", BACK_SECONDS)
        more = len(deliveries.accepted)
        until(lambda: len(deliveries.accepted) > more, "no update was accepted again", BACK_SECONDS)
    missing = unanswered(target, target.ana.bot, since, deliveries.accepted)
    yield Row(
        f"{len(visits.statuses)} clicks and {deliveries.statuses.total()} updates, {what} for {size.seconds:g} s",
        "clicks are 302, webhooks 503, /health/ready 503; afterwards whatever was accepted is answered",
        visits.all_redirected and refused > 0 and ready == 503 and not missing,
        f"{visits.figure}; {refused} updates refused and {accepted} accepted meanwhile, ready {ready}, {len(missing)} unanswered",
    )
    rows, lost = _accounted(target, visits)
    yield Row(
        f"the {len(visits.statuses)} clicks",
        "each is stored in the end, or counted as lost",
        rows + lost >= len(visits.statuses) and rows > 0,
        f"{rows} stored, {lost} counted as lost",
    )


def _accounted(target: Target, visits: Visits) -> tuple[int, int]:
    """Clicks stored, and counted as lost, when these are all, or after a while."""
    deadline = time.monotonic() + BACK_SECONDS / 3
    while True:
        rows, lost = stored(target, visits, seconds=1.0), _lost(target)
        if rows + lost >= len(visits.statuses) or time.monotonic() > deadline:
            return rows, lost


def _lost(target: Target) -> int:
    """What the metrics count of clicks that no store took."""
    answer = target.client().get("/metrics", Authorization=f"Bearer {target.secrets.metrics_token}")
    lines = [line for line in answer.text.splitlines() if line.startswith("clicks_lost_total")]
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)


def _fill(file: Path, piece: bytes) -> None:
    """Write until nothing more fits."""
    try:
        with file.open("ab", buffering=0) as filler:
            while True:
                filler.write(piece)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def _is_ready(target: Target) -> bool:
    return target.client().get("/health/ready").status == 200


def _records(target: Target) -> set[str]:
    """The records of Idempotency-Keys in Redis."""
    return set(target.platform.redis.scan_iter(match=f"{keys.PREFIX}:api:once:*", count=10_000))
