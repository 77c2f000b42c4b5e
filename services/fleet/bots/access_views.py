"""A bot's access as programs see it."""

from __future__ import annotations

from typing_extensions import TypedDict

from services.core.answer_types import Moment
from services.core.times import iso
from services.fleet.bots.access_rules import AccessEntry, AccessRules


class EntryView(TypedDict):
    """Somebody on a list; `until` null means for good."""

    telegram_id: int
    until: Moment | None
    note: str


class AccessView(TypedDict):
    """Whom a bot answers; nobody in `allowed_users` means everybody."""

    allowed_users: list[EntryView]
    blocked_users: list[EntryView]
    admin_users: list[EntryView]
    maintenance: bool
    maintenance_message: str
    captcha: bool


def describe_access(rules: AccessRules) -> AccessView:
    """The JSON of a bot's access."""
    return {
        "allowed_users": [_entry(each) for each in rules.lists.allowed],
        "blocked_users": [_entry(each) for each in rules.lists.blocked],
        "admin_users": [_entry(each) for each in rules.lists.admins],
        "maintenance": rules.maintenance,
        "maintenance_message": rules.maintenance_message,
        "captcha": rules.captcha,
    }


def _entry(entry: AccessEntry) -> EntryView:
    return {"telegram_id": entry.telegram_id, "until": iso(entry.until), "note": entry.note}
