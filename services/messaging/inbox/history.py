"""The writer of what was sent, beside the outbox: nobody's message waits for it, but an operator's answer for its outcome."""

from __future__ import annotations

import logging
import threading
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
# Longer than a database or Redis takes to start again; each stay that ended waits by itself.
AFTERWARDS_SECONDS: Final = 60.0


class MessageHistory:
    """Keeps sent messages of one shard; `settled` gets the operators' answers back whose outcome is written."""

    def __init__(
        self, platform: Platform, settled: Callable[[OutboxMessage], None], is_held: Callable[[], bool]
    ) -> None:
        self._platform = platform
        self._settled = settled
        self._is_held = is_held
        self._waiting = 0  # put to the writer, and not at hand yet
        self._is_full = False
        self._gives_up_at: float | None = None  # once the database was away without the shard; monotonic
        self._gave_up = False
        self._writer: BatchWriter[OutboxMessage] | None = None
        self._lock = threading.Lock()

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

    def drain(self, patience: float) -> None:
        """Wait until what is there is written, for `patience` seconds at most."""
        if self._writer is not None:
            self._writer.drain(patience)

    def end(self) -> None:
        """Nothing more comes; what the database was away for is written afterwards."""
        if self._writer is not None:
            self._writer.end(0.0)

    def _put(self, message: OutboxMessage) -> None:
        if self._waiting >= MOST_WAITING and not is_answer(message):
            if not self._is_full:
                logger.error("sent messages are not kept while %d wait for the database", self._waiting)
            self._is_full = True
            return
        self._is_full = False
        with self._lock:
            if self._writer is None:  # most shards keep nothing: no thread for them
                self._writer = BatchWriter(self._write, largest=AT_ONCE, name="message-history")
        self._waiting += 1
        self._writer.put(message)

    def _write(self, batch: Sequence[OutboxMessage]) -> None:
        self._waiting -= len(batch)  # it is at hand: the bound is for what comes behind it
        while not self._gave_up:
            try:
                keep_outgoing(self._platform, batch)
                break
            except Unavailable as error:
                logger.warning("%d sent messages wait to be kept: %s", len(batch), error)
                self._gave_up = self._waited_enough
                time.sleep(PAUSE_SECONDS)
            except Exception:
                logger.exception("%d sent messages cannot be kept", len(batch))
                break
        else:
            logger.error("%d sent messages are not kept: the database was away for too long", len(batch))
            return
        for message in batch:
            if is_answer(message):
                message.recorded = True
                self._settled(message)

    @property
    def _waited_enough(self) -> bool:
        """Whether the shard was left and the database has been away for long since."""
        if self._is_held():
            return False
        if self._gives_up_at is None:
            self._gives_up_at = time.monotonic() + AFTERWARDS_SECONDS
        return time.monotonic() > self._gives_up_at
