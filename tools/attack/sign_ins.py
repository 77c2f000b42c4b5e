"""Sign-ins from many addresses at once, each worth a tenth of a second of argon2: links must go on working."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tools.attack.result import Row, Size
from tools.attack.target import Target
from tools.attack.visits import visiting

AT_ONCE = 12
CALM_SECONDS = 1.0
LEAST_SHARE = 0.6  # clicks of one visitor per sign-in: measured 1.3; 0.4 where ten hashes at once leave the loop no processor


def flood(target: Target, size: Size) -> Iterator[Row]:
    """Wrong passwords for as many e-mails, from as many addresses, while somebody clicks."""
    with visiting(target) as calm:
        time.sleep(CALM_SECONDS)
    began = time.monotonic()
    with visiting(target) as beside, ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = list(threads.map(lambda number: _guess(target, number), range(size.sign_ins)))
    seconds = time.monotonic() - began
    ratio = beside.median / max(calm.median, 0.001)
    answered = all(status in (401, 429, 503) for status in statuses)
    yield Row(
        f"{size.sign_ins} sign-ins from as many addresses, {AT_ONCE} at once, in {seconds:.1f} s",
        "each is answered, and clicks are meanwhile, instead of waiting behind the hashes",
        beside.all_redirected and answered and len(beside.statuses) >= LEAST_SHARE * size.sign_ins,
        f"{beside.figure}, {ratio:.1f} times the usual; sign-ins {_counts(statuses)}",
    )


def _guess(target: Target, number: int) -> int:
    client = target.client(f"127.0.{2 + number // 250}.{number % 250 + 1}")
    try:
        return client.submit("/login", email=f"flood{number}@example.org", password=f"guess {number}").status
    finally:
        client.close()


def _counts(statuses: list[int]) -> str:
    return ", ".join(f"{statuses.count(status)} x {status}" for status in sorted(set(statuses)))
