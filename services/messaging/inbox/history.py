"""The writer of what was sent, beside the outbox: nobody's message waits for it, but an operator's answer for its outcome."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from services.core.errors import Unavailable
from services.messaging.inbox.outgoing import is_answer, is_kept, keep_outgoing
from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.platform import Platform
from services.queueing.greenlet_pool import BatchWriter

logger = logging.getLogger(__name__)
AT_ONCE: Final = 256
MOST_WAITING: Final = 10_000  # messages, some MB; more are not kept while the database is away
PAUSE_SECONDS: Final = 1.0
AFTERWARDS_SECONDS: Final = (
    60.0  # longer than a database takes to start again; each stay that ended waits by itself
)


class MessageHistory:
    """Keeps sent messages of one shard; `settled` gets the operators' answers back whose outcome is written."""

    def __init__(
        self, platform: Platform, settled: Callable[[OutboxMessage], None], is_held: Callable[[], bool]
    ) -> None:
        self._platform = platform
        self._settled = settled
        self._is_held = is_held
        self._waiting: list[OutboxMessage] = []
        self._ends = time.monotonic() + AFTERWARDS_SECONDS
        self._writer: BatchWriter[OutboxMessage] | None = None

    def split(self, batch: Sequence[OutboxMessage]) -> list[OutboxMessage]:
        """Take what is to be kept; what may leave the outbox now: all but answers whose outcome is still to be written."""
        leaving = []
        for message in batch:
            if is_answer(message) and not message.recorded:
                self._put(message)
                continue
            if is_kept(message) and not message.recorded:
                message.recorded = True
                self._put(message)
            leaving.append(message)
        return leaving

    def end(self, patience: float) -> None:
        """Write what is there, for `patience` seconds at most."""
        if self._writer is not None:
            self._writer.end(patience)

    def _put(self, message: OutboxMessage) -> None:
        if self._writer is None:  # most shards keep nothing: no thread for them
            self._writer = BatchWriter(self._write, largest=AT_ONCE, name="message-history")
        self._writer.put(message)

    def _write(self, batch: Sequence[OutboxMessage]) -> None:
        self._waiting += batch
        while self._waiting:
            try:
                keep_outgoing(self._platform, self._waiting)
                break
            except Unavailable as error:
                logger.warning("%d sent messages wait to be kept: %s", len(self._waiting), error)
                if not self._goes_on():
                    self._waiting = []
                    return
                self._forget_too_many()
                time.sleep(PAUSE_SECONDS)
            except Exception:
                logger.exception("%d sent messages cannot be kept", len(self._waiting))
                break
        done, self._waiting = self._waiting, []
        for message in done:
            if is_answer(message):
                message.recorded = True
                self._settled(message)

    def _goes_on(self) -> bool:
        """Whether to wait for the database. Once the shard is left not for long, and not with answers: whoever comes next sends
        them again and keeps them.
        """
        if self._is_held():
            self._ends = time.monotonic() + AFTERWARDS_SECONDS
        else:
            self._waiting = [message for message in self._waiting if not is_answer(message)]
        return bool(self._waiting) and time.monotonic() < self._ends

    def _forget_too_many(self) -> None:
        if len(self._waiting) > MOST_WAITING:
            answers = [message for message in self._waiting if is_answer(message)]
            logger.error("%d sent messages are not kept", len(self._waiting) - len(answers))
            self._waiting = answers
