"""Clicks and users for the tests of what happens behind `/go`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from models import Bot
from services.fleet.pools.start_payload import split_payload
from services.platform.platform import Platform
from services.traffic.clicks.attribution import NewStart, record_starts
from services.traffic.clicks.leads import Contact, TelegramUser, touch_leads
from services.traffic.clicks.redirect import Outcome, Redirector

PERSON = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
ENVIRON: MappingProxyType[str, Any] = MappingProxyType(
    {"REQUEST_METHOD": "GET", "HTTP_USER_AGENT": PERSON, "REMOTE_ADDR": "203.0.113.5"}
)


@dataclass(frozen=True)
class User:
    """A Telegram user, with an id beyond 32 bits."""

    id: int = 7_000_000_001
    first_name: str | None = "Ana"
    last_name: str | None = None
    username: str | None = "ana"
    language_code: str | None = "pt-br"


def touch_lead(session: Session, *, bot: Bot, user: TelegramUser, at: datetime) -> int:
    """Somebody writes to a bot; the lead's id."""
    contact = Contact(bot, user, at)
    return touch_leads(session, [contact])[contact.person]


def record_start(
    session: Session, *, bot: Bot, update_id: int, user: TelegramUser, payload: str, at: datetime
) -> str:
    """Somebody presses Start; the start parameter."""
    contact = Contact(bot, user, at)
    leads = touch_leads(session, [contact])
    (start_param,) = record_starts(session, [NewStart(contact, update_id, payload)], leads)
    return start_param


def click(road: Redirector, slug: str = "red1", **environ: str) -> Outcome:
    """One click of a person."""
    return road.answer(slug, {**ENVIRON, **environ})


def payload_of(outcome: Outcome) -> str:
    """What Telegram will hand to the bot after `/start`."""
    payload = outcome.location.partition("?start=")[2]
    assert split_payload(payload)[1] == outcome.click_id
    return payload


def unstarted(platform: Platform) -> Redirector:
    """A redirector whose book is filled and behind which nothing runs."""
    road = Redirector(platform)
    road.book.refresh()
    road._started = True  # the threads would hide what a test wants to see step by step
    return road
