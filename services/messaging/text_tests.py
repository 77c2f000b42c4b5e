"""Sending a plugin's texts, saved or only typed, to somebody who is to see them as people will: usually oneself.

A bot can write only to whoever has pressed Start. So the choice is the account's own chats, where its notifications go,
and who pressed Start lately: the person presses it and finds their own name on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, DestinationKind, Lead, NotificationDestination, Start
from plugins.effects import Priority
from services.core.answer_types import Moment
from services.core.errors import InvalidInput, NotFound, RateLimited
from services.core.identifiers import parsed_id
from services.core.times import iso
from services.fleet.bots.registry import get_bot
from services.fleet.text_preview import SAMPLE, planned_texts
from services.messaging.outbox.enqueue import enqueue_call
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.leads import is_reachable

MOST_LISTED: Final = 8
LATEST_STARTS: Final = 50  # looked at for so many different people
TEST_SECONDS: Final = 5  # between tests of a bot


class RecipientView(TypedDict):
    """Somebody to whom a bot may send a test. `is_own`: notifications of this account go to their chat."""

    telegram_id: int
    name: str
    username: str
    started_at: Moment | None
    is_own: bool


def recipients(platform: Platform, caller: Principal, bot_id: int | str) -> list[RecipientView]:
    """Who may get a test of the caller's bot: own chats first, then whoever pressed Start last."""
    bot = get_bot(platform, caller, bot_id)
    with platform.database.reading() as session:
        started, own = _latest_starts(session, bot), _own_chats(session, bot)
        leads = _leads(session, bot, {*own, *started})
    listed = [number for number in {**own, **started} if number in leads or own.get(number)]
    return [
        {
            "telegram_id": number,
            "name": _name(leads.get(number)),
            "username": leads[number].username if number in leads else "",
            "started_at": iso(started.get(number)),
            "is_own": number in own,
        }
        for number in listed[:MOST_LISTED]
    ]


def send_test(
    platform: Platform,
    caller: Principal,
    bot_id: int | str,
    *,
    plugin: str,
    config: Mapping[str, Any],
    field: str,
    telegram_id: int,
) -> None:
    """Queue the text of `field` of a plugin configured so, filled in for a person whom the bot knows and can reach.

    Raises InvalidInput as saving would and for a field without a text, NotFound for a stranger or one who blocked the
    bot, RateLimited.
    """
    bot = get_bot(platform, caller, bot_id)
    chosen = next((each for each in planned_texts(plugin, config) if each.field == field), None)
    if chosen is None:
        raise InvalidInput("This field holds no text that the bot sends", code="no_text", field="field")
    lead = reachable(platform, bot, telegram_id)
    if not platform.redis.set(keys.recent_test(f"bot:{bot.id}"), "1", nx=True, ex=TEST_SECONDS):
        raise RateLimited("Wait five seconds between tests", retry_after=TEST_SECONDS)
    with platform.database.transaction() as session:
        audit(
            session,
            caller,
            "bot_text_tested",
            account_id=bot.account_id,
            bot_id=bot.id,
            plugin=plugin,
            field=field,
            telegram_id=telegram_id,
        )
    params = {
        "chat_id": telegram_id,
        "text": chosen.filled(_values(lead, bot)),
        "parse_mode": chosen.parse_mode,
    }
    given = {name: value for name, value in params.items() if value is not None}
    enqueue_call(platform, bot.id, "sendMessage", given, Priority.REPLY)


def reachable(platform: Platform, bot: Bot, telegram_id: int) -> Lead | None:
    """The lead of somebody whom the bot can write to; None for an own chat that was linked without becoming one."""
    with platform.database.reading() as session:
        lead = _leads(session, bot, [telegram_id]).get(telegram_id)
        if lead is None and not _own_chats(session, bot).get(telegram_id):
            raise NotFound("This person has not pressed Start at the bot, or blocks it")
    return lead


def _name(lead: Lead | None) -> str:
    return " ".join(filter(None, (lead.first_name, lead.last_name))) if lead else ""


def _values(lead: Lead | None, bot: Bot) -> dict[str, object]:
    """What the variables stand for; of an own chat nobody knows the name, so that of the preview."""
    if lead is None:
        return {**SAMPLE, "bot_name": bot.name}
    return {
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "username": lead.username,
        "id": lead.telegram_id,
        "start_param": "",
        "bot_name": bot.name,
    }


def _latest_starts(session: Session, bot: Bot) -> dict[int, Any]:
    """Telegram id -> when they last pressed Start, the latest first."""
    query = (
        select(Lead.telegram_id, Start.at)
        .join(Lead, Lead.id == Start.lead_id)
        .where(Start.bot_id == bot.id)
        .order_by(Start.at.desc(), Start.id.desc())
        .limit(LATEST_STARTS)
    )
    found: dict[int, Any] = {}
    for number, at in session.execute(query):
        found.setdefault(number, at)
    return found


def _own_chats(session: Session, bot: Bot) -> dict[int, bool]:
    """The private chats where the account's notifications go, and whether by this very bot: a person has one id at Telegram."""
    query = select(NotificationDestination.address, NotificationDestination.bot_id).where(
        NotificationDestination.account_id == bot.account_id,
        NotificationDestination.kind == DestinationKind.TELEGRAM,
    )
    found: dict[int, bool] = {}
    for address, through in session.execute(query):
        number = parsed_id(address)
        if number is not None:
            found[number] = found.get(number, False) or through == bot.id
    return found


def _leads(session: Session, bot: Bot, telegram_ids: Iterable[int]) -> dict[int, Lead]:
    query = select(Lead).where(
        Lead.bot_id == bot.id, Lead.telegram_id.in_(list(telegram_ids)), is_reachable(bot.identity)
    )
    return {lead.telegram_id: lead for lead in session.scalars(query)}
