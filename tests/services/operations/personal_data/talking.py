"""What is kept of a person who talks to a bot: in flows, in the inbox, of broadcasts, and what they paid."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models import (
    Bot,
    Broadcast,
    BroadcastRecipient,
    ChatMessage,
    Conversation,
    Flow,
    FlowRun,
    FlowVisit,
    Goal,
    Payment,
    Timer,
)
from services.core.times import utc_now


def add_to_flow(session: Session, bot: Bot, person: int, number: int) -> None:
    """They stand at a step of a flow, which has set a timer."""
    flow = Flow(account_id=bot.account_id, key=f"f{number}", name="F", draft={}, draft_by="test")
    session.add(flow)
    session.flush()
    place, now = {"bot_id": bot.id, "telegram_id": person, "flow_id": flow.id, "step": "a"}, utc_now()
    session.add(FlowVisit(**place, first_at=now, last_at=now))
    session.add(FlowRun(**place, version=1, status="waiting", entered_at=now, started_at=now))
    what = {"plugin": "flow", "key": "after", "chat_id": person, "note": {"step": "a"}}
    session.add(Timer(bot_id=bot.id, telegram_id=person, due_at=now, ring_at=now, **what))


def add_to_inbox(session: Session, bot: Bot, person: int) -> None:
    """They wrote to a bot that keeps messages."""
    now = utc_now()
    known = {"bot_id": bot.id, "telegram_id": person}
    session.add(ChatMessage(**known, direction="in", kind="text", update_id=person))
    session.add(Conversation(**known, account_id=bot.account_id, unanswered_since=now, last_message_at=now))


def add_to_broadcast(session: Session, bot: Bot, person: int) -> None:
    """They got a broadcast."""
    broadcast = Broadcast(account_id=bot.account_id, name="News")
    session.add(broadcast)
    session.flush()
    session.add(BroadcastRecipient(broadcast_id=broadcast.id, telegram_id=person, bot_id=bot.id))


def add_money(session: Session, bot: Bot, lead_id: int, person: int, number: int) -> None:
    """They paid, which is a goal."""
    money = {
        "account_id": bot.account_id,
        "bot_id": bot.id,
        "telegram_id": person,
        "amount_micros": 5,
        "currency": "XTR",
    }
    goal = {"goal": "purchase", "event_id": f"e{number}", "source": "api", "ad_ids": {"gclid": "G"}}
    session.add(Goal(**money, **goal, lead_id=lead_id))
    session.add(Payment(**money, charge_id=f"c{number}", payload="vip"))
