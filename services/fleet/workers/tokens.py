"""A worker's own token: the key to its bot's updates and outbox, never the bot's token (ADR 42).

It is `<Telegram's number of the bot>:flw_<43 characters>`, the form that libraries for bots insist on and that everything
shaped like a bot token is hidden by in logs; kept as SHA-256.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from models import Bot, BotWorker
from services.core.encryption import sha256_hex
from services.core.errors import Unauthenticated
from services.platform.platform import Platform

MARK: Final = "flw_"


@dataclass(frozen=True)
class WorkerIdentity:
    """Whose program asks: which bot it works for, and under which terms."""

    bot_id: int
    public_id: str
    account_id: int
    lease_seconds: int
    is_running: bool
    has_webhook: bool = False  # its updates are brought to where setWebhook said


def new_worker_token(bot: Bot) -> str:
    """A fresh token for the bot's worker; only `token_hash` of it is kept."""
    return f"{bot.telegram_bot_id}:{MARK}{secrets.token_urlsafe(32)}"


def resolve_worker(platform: Platform, token: str) -> WorkerIdentity:
    """The worker behind a token; Unauthenticated `worker_token_invalid` when it is unknown or was revoked."""
    # Columns, not rows: asked at every request of a program, at a third of what reading both rows costs.
    query = (
        select(
            Bot.id,
            Bot.public_id,
            Bot.account_id,
            BotWorker.lease_seconds,
            Bot.desired_running,
            BotWorker.sealed_webhook_url,
        )
        .join(BotWorker, BotWorker.bot_id == Bot.id)
        .where(BotWorker.token_hash == sha256_hex(token.strip()), BotWorker.ending_since.is_(None))
    )
    with platform.database.reading() as session:
        found = session.execute(query).first()
    if found is None:
        raise Unauthenticated("This worker token is not valid", code="worker_token_invalid")
    bot_id, public_id, account_id, lease_seconds, is_running, webhook = found
    return WorkerIdentity(bot_id, public_id, account_id, lease_seconds, is_running, bool(webhook))
