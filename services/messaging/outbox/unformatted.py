"""A text whose formatting Telegram cannot read goes out without it, and the bot's owner hears of it."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from models import Bot
from plugins.markup import HTML, MARKDOWN, plain
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.core.errors import Rejected
from services.core.times import utc_now
from services.platform.platform import Platform

MODES: Final = {mode.lower(): mode for mode in (HTML, MARKDOWN)}  # Telegram reads their names in any case
NUMBERS: Final = re.compile(r"[0-9]+")


def without_markup(params: dict[str, Any]) -> dict[str, Any] | None:
    """The parameters of a call with its text or caption in plain words; None where the call has no parse mode to lose."""
    mode = params.get("parse_mode")
    if not mode:
        return None
    known = MODES.get(str(mode).lower())
    return {
        name: plain(value, known) if name in ("text", "caption") and isinstance(value, str) else value
        for name, value in params.items()
        if name != "parse_mode"
    }


def warn_owner(platform: Platform, bot_id: int, error: Rejected) -> None:
    """Tell the bot's owner why a text of the bot went out without its formatting; once a day for the same reason.

    Raises Unavailable when the database is away.
    """
    plain_reason = NUMBERS.sub("#", error.message)  # the place in the text differs with everybody's name
    reason = hashlib.sha256(plain_reason.encode(errors="replace")).hexdigest()[:16]
    kind, day = Kind.TEXT_MALFORMED, f"{utc_now():%Y-%m-%d}"
    with platform.database.transaction() as session:
        bot = session.get(Bot, bot_id)
        if bot is not None:
            notify(
                session,
                bot.account_id,
                kind,
                kind.level,
                f"{kind}:{bot_id}:{reason}:{day}",
                {"bot": bot.username, "reason": error.message},
                bot_id=bot_id,
            )
