"""Which page of the panel tells more about a notification."""

from __future__ import annotations

from typing import Final

from models import Notification
from services.alerts.notifications.kinds import Kind

STORIES: Final = (
    Kind.BAN_WAVE,
    Kind.DEAD_LETTERS,
    Kind.BROADCAST_BRAKED,
)  # whose own page says more than their text


def path_of(row: Notification) -> str:
    """The path of the page, "" where there is none."""
    if row.kind == Kind.BAN_WAVE and "wave" in row.params:
        return f"/panel/pools/{row.pool_id}/waves/{row.params['wave']}"
    if row.kind in (Kind.DEAD_LETTERS, Kind.DEAD_LETTERS_SETTLED):
        view = "uncertain" if row.params.get("uncertain") else "open"
        view = "resolved" if row.kind == Kind.DEAD_LETTERS_SETTLED else view
        return f"/panel/dead-letters?view={view}&fingerprint={row.params.get('fingerprint', '')}"
    if row.kind == Kind.HANDLER_FAILED:
        return f"/panel/dead-letters?view=open&bot_id={row.bot_id}"
    if row.kind == Kind.PERSON_WAITS:
        return "/panel/inbox"
    if row.kind in (Kind.BROADCAST_BRAKED, Kind.BROADCAST_DONE):
        return f"/panel/broadcasts/{row.params.get('broadcast', '')}"
    if row.kind == Kind.MANAGED_BOT_WAITS:
        return "/panel/admin/managed-bots"
    if row.kind in (Kind.TEXT_MALFORMED, Kind.BOT_OWNER_CHANGED) and row.bot_id:
        return f"/panel/bots/{row.bot_id}"
    return f"/panel/pools/{row.pool_id}" if row.pool_id else ""


def link_of(row: Notification, public_url: str) -> str:
    """The whole address, for messages that leave the panel; "" where the text says all or no address is known."""
    path = path_of(row)
    return f"{public_url}{path}" if public_url and path and row.kind in STORIES else ""
