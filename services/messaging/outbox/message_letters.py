"""Messages that are given up become dead letters; replays that are given up open theirs again."""

from __future__ import annotations

from typing import Any

from services.alerts.dead_letters.replay_id import replay_of
from services.alerts.dead_letters.store import open_again, sealed_original, store, without_quotes
from services.core.errors import TelegramError
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.repetition import may_be_there
from services.platform.platform import Platform
from services.platform.redis import keys


class MessageLetters:
    """The dead letters of messages."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def store(self, outgoing: OutboxMessage, error: TelegramError) -> str:
        """Make the message a dead letter and return its error id; Unavailable when the database is away."""
        replay = replay_of(outgoing.request_id, "send")
        attempts, text = max(1, outgoing.attempts), f"{error.code}: {error}"
        where, is_uncertain = refusal_cause(error), may_be_there(outgoing, error)
        with self._platform.database.transaction() as session:
            if replay is not None:
                return open_again(
                    session,
                    replay,
                    error=text,
                    where=where,
                    attempts=attempts,
                    failures=outgoing.failures,
                    is_uncertain=is_uncertain,
                )
            return store(
                session,
                kind="send",
                source_id=f"send:{outgoing.bot_id}:{outgoing.flight_id}",
                error=text,
                where=where,
                bot_id=outgoing.bot_id,
                attempts=attempts,
                failures=outgoing.failures,
                payload={"chat": outgoing.chat, **_shown(outgoing.call)},
                sealed_payload=self._sealed(outgoing),
                is_uncertain=is_uncertain,
            )

    def _sealed(self, outgoing: OutboxMessage) -> str:
        """What a replay needs; nothing for what nobody here can read."""
        if outgoing.newer:
            return ""
        original = {
            "chat": outgoing.chat,
            "request": outgoing.request_id,
            "priority": keys.OUTBOX_PRIORITIES[outgoing.rank],
            "call": outgoing.call,
        }
        return sealed_original(self._platform.vault, outgoing.bot_id, original)


def _shown(call: dict[str, Any]) -> dict[str, Any]:
    """What people see of a call: not for whom its answer is."""
    return {name: value for name, value in call.items() if name != "then"}


def refusal_cause(error: TelegramError) -> str:
    """What tells the causes of refusals apart: their codes and Telegram's words, but for what it quotes of the message."""
    return without_quotes(f"{error.code}:{error.error_code}:{error}")
