"""How long the ledger of a broadcast takes, and how much memory its worker: run as a process of its own, which prints both.

    python -m tools.benchmarks.broadcast_ledger <people> <bots>

The database is that of the environment; it is migrated and filled first. Each tenth person is known to two bots.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from sqlalchemy import insert, text

from models import Account, Bot, Broadcast, BroadcastStatus
from services.core.environment import load_settings
from services.core.times import utc_now
from services.messaging.broadcasts.preparing import prepare_slice
from services.platform import schema
from services.platform.platform import Platform

FIRST_PERSON = 6_000_000_000
MESSAGE = {"name": "A", "percent": 100, "message": {"text": "Hi {first_name}"}}
PEOPLE = """
INSERT INTO leads (account_id, bot_id, telegram_id, first_name, last_name, username, language, state, identity, tags,
  first_interaction, last_interaction)
SELECT 1, {bot}, {first} + n, 'Ana', '', '', 'pt', 'active', 1, '[]', {at}, {at} FROM ({numbers}) AS numbers
WHERE {condition}
"""
NUMBERS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s",
    "postgresql": "SELECT generate_series(0, {last}) AS n",
}


def fill(platform: Platform, people: int, bots: int) -> None:
    """An account with bots, and people who met one or two of them."""
    with platform.database.transaction() as session:
        session.add(Account(id=1, email="bench@example.org", password_hash="-"))
        session.flush()
        session.execute(insert(Bot), [_bot(number) for number in range(1, bots + 1)])
        kind = session.get_bind().dialect.name
        numbers = NUMBERS[kind].format(last=people - 1)
        at = "'2026-11-01 10:00:00.000000'" if kind == "sqlite" else "TIMESTAMPTZ '2026-11-01 10:00:00+00'"
        for bot, condition in ((f"1 + n % {bots}", "true"), (f"1 + (n + 1) % {bots}", "n % 10 = 0")):
            statement = PEOPLE.format(
                bot=bot, first=FIRST_PERSON, at=at, numbers=numbers, condition=condition
            )
            session.execute(text(statement))
        session.add(
            Broadcast(
                account_id=1,
                name="Bench",
                status=BroadcastStatus.PREPARING,
                variants=[MESSAGE],
                has_opt_out=False,
            )
        )


def _bot(number: int) -> dict[str, object]:
    return {
        "id": number,
        "account_id": 1,
        "public_id": f"bot_{number:012x}",
        "telegram_bot_id": 1000 + number,
        "username": f"bench_{number}_bot",
        "sealed_token": "-",
        "mode": "webhook",
        "path_id": f"{number:032x}",
        "created_at": utc_now(),
        "updated_at": utc_now(),
    }


def main() -> None:
    """Fill where nothing is, prepare, and print {"seconds", "megabytes", "slices", "longest"}."""
    people, bots = (int(argument) for argument in sys.argv[1:3])
    platform = Platform(load_settings())
    if len(sys.argv) > 3:
        schema.upgrade(platform)
        fill(platform, people, bots)
        return
    began, slices, longest = time.monotonic(), 0, 0.0
    left = True
    while left:
        at = time.monotonic()
        left = prepare_slice(platform, 1)
        longest, slices = max(longest, time.monotonic() - at), slices + 1
    with platform.database.reading() as session:
        broadcast = session.get(Broadcast, 1)
        written = 0 if broadcast is None else broadcast.recipients
    if written != people:
        raise SystemExit(f"the ledger holds {written} of {people} people")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"seconds": time.monotonic() - began, "megabytes": memory, "slices": slices, "longest": longest}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
