"""An account with bots at the sandbox, people who met them, and somebody who works at the ledgers in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models import Bot, Broadcast, BroadcastRecipient, Lead
from services.core.times import utc_now
from services.messaging.broadcasts.drafts import create_broadcast
from services.messaging.broadcasts.fields import NewBroadcast
from services.messaging.broadcasts.runner import BroadcastTimings, run_broadcasts
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.broadcasts.stepping import flow, make_step, ringing
from tools.servers.fleet import add_bot
from tools.servers.sandbox import Sandbox, wait_until

__all__ = ["flow", "make_step", "ringing"]

QUICK = BroadcastTimings(look=0.05, patience=0.05, gather=0.0, idle_timeout=0.3)
Meet = Callable[..., list[int]]


@pytest.fixture
def bots(platform: Platform, sandbox: Sandbox) -> list[Bot]:
    """Two bots of one account."""
    made = [add_bot(platform, sandbox.create_bot()) for _ in range(2)]
    with platform.database.transaction() as session:
        session.execute(update(Bot).values(account_id=made[0].account_id))
    for bot in made:
        bot.account_id = made[0].account_id
    return made


@pytest.fixture
def caller(bots: list[Bot]) -> Principal:
    return Principal(bots[0].account_id, "user:owner")


@pytest.fixture
def meet(platform: Platform, sandbox: Sandbox, bots: list[Bot]) -> Meet:
    """So many people who met a bot: meet(3, bot=1, tags=["paid"])."""

    def met(number: int, bot: int = 0, *, ids: list[int] | None = None, **more: object) -> list[int]:
        people = ids or [int(sandbox.create_user()["id"]) for _ in range(number)]
        for person in people:
            sandbox.start(person, bots[bot].username)
        values = {"first_name": "Ana", "language": "en", "tags": [], "last_interaction": utc_now(), **more}
        with platform.database.transaction() as session:
            session.add_all(
                Lead(account_id=bots[bot].account_id, bot_id=bots[bot].id, telegram_id=person, **values)
                for person in people
            )
        return people

    return met


def wanted(**more: object) -> NewBroadcast:
    """A broadcast of one text; `text` and `buttons` may be given."""
    message = {"text": more.pop("text", "Hi {first_name}"), "buttons": more.pop("buttons", [])}
    given = {"name": "News", "variants": [{"message": message}], "has_opt_out": False, "brake_percent": 0}
    return NewBroadcast.model_validate({**given, **more})


@pytest.fixture
def make(platform: Platform, caller: Principal) -> Callable[..., Broadcast]:
    """A draft: make(text="…", audience={…})."""
    return lambda **more: create_broadcast(platform, caller, wanted(**more))


def run(platform: Platform, reached: Callable[[], object]) -> None:
    """Work at the ledgers until that is reached; then the process ends, as at a kill, wherever it is."""
    stopping = threading.Event()
    thread = threading.Thread(target=run_broadcasts, args=(platform, stopping, QUICK), daemon=True)
    thread.start()
    try:
        wait_until(reached)
    finally:
        stopping.set()
        thread.join(10)


@pytest.fixture
def running(platform: Platform) -> Iterator[None]:
    """Somebody works at the ledgers for as long as the test lasts."""
    stopping = threading.Event()

    def for_ever() -> None:
        while not stopping.is_set():
            run_broadcasts(platform, stopping, QUICK)
            stopping.wait(0.02)

    thread = threading.Thread(target=for_ever, daemon=True)
    thread.start()
    yield
    stopping.set()
    thread.join(10)


def rows(platform: Platform, broadcast: Broadcast) -> dict[int, BroadcastRecipient]:
    """The ledger by person."""
    query = select(BroadcastRecipient).where(BroadcastRecipient.broadcast_id == broadcast.id)
    with platform.database.reading() as session:
        return {row.telegram_id: row for row in session.scalars(query)}


def status_of(platform: Platform, broadcast: Broadcast) -> str:
    with platform.database.reading() as session:
        return session.scalars(select(Broadcast.status).where(Broadcast.id == broadcast.id)).one()


def is_done(platform: Platform, broadcast: Broadcast) -> bool:
    return status_of(platform, broadcast) == "done"


def days_ago(number: int) -> dict[str, object]:
    """A lead's last visit."""
    return {"last_interaction": utc_now() - timedelta(days=number)}
