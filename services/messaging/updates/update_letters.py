"""Updates that are given up become dead letters; replays that are given up open theirs again."""

from __future__ import annotations

import json
import logging
from typing import Any

from redis import RedisError

from services.alerts.dead_letters.replay_id import replay_of
from services.alerts.dead_letters.store import open_again, sealed_original, store
from services.core.errors import Unavailable
from services.core.i18n import Text
from services.core.redaction import redact
from services.messaging.updates.queued_update import QueuedUpdate
from services.platform.platform import Platform
from services.platform.token_encryption import load_opened

logger = logging.getLogger(__name__)


class UpdateLetters:
    """The dead letters of updates."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def store(self, queued: QueuedUpdate, error: str, where: str) -> str:
        """Make the update a dead letter and return its error id; Unavailable when the database is away.

        What cannot be stored of it is left out: no content keeps an update from being given up.
        """
        try:
            return self._store_letter(queued, error, where, {"update": self._readable(queued)})
        except (Unavailable, RedisError):
            raise
        except Exception:
            logger.exception("a dead letter is kept without the content of its update")
            return self._store_letter(queued, f"{where}: its content cannot be shown", where, {})

    def _readable(self, queued: QueuedUpdate) -> str:
        """The update for people to look at: secrets are hidden in its strings, not in its JSON."""
        try:
            update = load_opened(self._platform.vault, queued.update, queued.bot_id)
            return json.dumps(redact(update), ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            return queued.update

    def _store_letter(self, queued: QueuedUpdate, error: str, where: str, payload: dict[str, Any]) -> str:
        vault, attempts = self._platform.vault, max(1, queued.attempts)
        replay = replay_of(queued.request_id, "update")
        with self._platform.database.transaction() as session:
            if replay is not None:
                return open_again(
                    session, replay, error=error, where=where, attempts=attempts, failures=queued.failures
                )
            original = {"chat": queued.chat, "request": queued.request_id, "update": queued.update}
            return store(
                session,
                kind="update",
                source_id=f"update:{queued.bot_id}:{queued.request_id}",
                error=error,
                where=where,
                bot_id=queued.bot_id,
                attempts=attempts,
                failures=queued.failures,
                payload=payload,
                sealed_payload="" if queued.newer else sealed_original(vault, queued.bot_id, original),
            )

    def open_again(self, queued: QueuedUpdate, why: Text) -> None:
        """A dropped replay took no effect: the operator is to see that."""
        replay = replay_of(queued.request_id, "update")
        if replay is not None:
            with self._platform.database.transaction() as session:
                open_again(session, replay, error=why, attempts=0)
