"""A flow of an account, drafts that send its step, the clock of timers, and what came of them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, select, update

from models import Bot, BotPlugin, Broadcast, Flow, FlowRun, FlowVersion, Timer
from services.messaging.broadcasts.drafts import create_broadcast
from services.messaging.broadcasts.fields import NewBroadcast
from services.messaging.timers.ringing import ring_due
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tools.servers.sandbox import Sandbox

OFFER: dict[str, Any] = {
    "key": "offer",
    "actions": [{"kind": "goal", "goal": "saw_offer"}],
    "messages": [{"text": "Hi {first_name}"}, {"text": "Only today"}],
    "follow_ups": [{"after": 3600, "step": "later"}],
}
OTHER: dict[str, Any] = {"key": "hello", "messages": [{"text": "Welcome"}]}
LATER: dict[str, Any] = {"key": "later", "messages": [{"text": "Still there?"}]}
Make = Callable[..., Broadcast]


def publish(
    platform: Platform, account_id: int, *steps: dict[str, Any], moves: dict[str, str | None] | None = None
) -> Flow:
    """The rows of a publication of the flow "sale"."""
    with platform.database.transaction() as session:
        flow = session.scalars(select(Flow).where(Flow.account_id == account_id, Flow.key == "sale")).first()
        if flow is None:
            flow = Flow(account_id=account_id, key="sale", name="Sale", draft={}, draft_by="test")
            session.add(flow)
            session.flush()
        flow.published = (flow.published or 0) + 1
        document = {"start": steps[0]["key"], "steps": list(steps), "variables": {}}
        session.add(
            FlowVersion(
                flow_id=flow.id,
                number=flow.published,
                document=document,
                published_by="test",
                moves=moves or {},
            )
        )
    return flow


@pytest.fixture
def flow(platform: Platform, bots: list[Bot]) -> Flow:
    """A published flow; both bots play flows."""
    with platform.database.transaction() as session:
        session.add_all(
            BotPlugin(bot_id=bot.id, name="flow", config={"flow": "sale"}, position=-1) for bot in bots
        )
    return publish(platform, bots[0].account_id, OTHER, OFFER, LATER)


@pytest.fixture
def make_step(platform: Platform, caller: Principal, flow: Flow) -> Make:
    """A draft of the step `offer`: make_step(step="later", has_opt_out=True)."""

    def made(*, step: str = "offer", **more: Any) -> Broadcast:
        variants = more.pop("variants", [{"step": {"flow": "sale", "step": step}}])
        given = {"name": "Sale", "variants": variants, "has_opt_out": False, "brake_percent": 0, **more}
        return create_broadcast(platform, caller, NewBroadcast.model_validate(given))

    return made


@pytest.fixture
def ringing(platform: Platform) -> Iterator[None]:
    """The clock that rings timers."""
    stopping = threading.Event()

    def for_ever() -> None:
        while not stopping.is_set():
            ring_due(platform)
            stopping.wait(0.05)

    thread = threading.Thread(target=for_ever, daemon=True)
    thread.start()
    yield
    stopping.set()
    thread.join(10)


def texts(sandbox: Sandbox) -> Counter[tuple[int, str]]:
    return Counter((int(each["chat_id"]), str(each["text"])) for each in sandbox.sent(method="sendMessage"))


def both(people: list[int]) -> Counter[tuple[int, str]]:
    return Counter((person, text) for person in people for text in ("Hi Ana", "Only today"))


def steps(platform: Platform) -> dict[int, str]:
    with platform.database.reading() as session:
        return dict(session.execute(select(FlowRun.telegram_id, FlowRun.step)).all())


def timers(platform: Platform) -> int:
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Timer).where(Timer.key.startswith("put"))) or 0


def switch(platform: Platform, bot: Bot, *, on: bool) -> None:
    with platform.database.transaction() as session:
        session.execute(update(BotPlugin).where(BotPlugin.bot_id == bot.id).values(enabled=on))
