"""What programs put into their streams of calls: checked as calls of the Runtime API are, and moved to the bots' outboxes.

An entry holds a call as JSON, {"method", "params"}, in a field `data` (or `message`), or has the fields `method` and `params`.
With `bulk` true beside them replies go first. What else is there, such as a `bot_token`, is not looked at. An entry that
cannot be called is dropped; how many there were, and why the last was, is what the owner is shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from redis import RedisError

from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.tracing import begun
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.outbox.outgoing import slot_of
from services.messaging.workers.answering import call_in
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue
from services.platform.token_encryption import dump_sealed
from services.queueing.work_queue import WorkCall
from services.queueing.work_streams import LARGEST_CALL, CallPage, Moved, move_calls, read_calls

UNREADABLE: Final = Text(
    "An entry needs a field data with {example}, or the fields method and params",
    example='{"method": "…", "params": {…}}',
)
TOO_LARGE: Final = Text("A call takes at most {most} bytes", most=LARGEST_CALL)
TOO_MUCH: Final = Text("So much was put into the stream at once that all of it was thrown away")
LONGEST_TOLD: Final = 300


def envelope_of(fields: Sequence[bytes]) -> Mapping[str, Any]:
    """The envelope in an entry's fields, names and values in a row. Raises InvalidInput for what is none."""
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    whole = found.get(b"data", found.get(b"message"))
    try:
        if whole is not None:
            envelope = json.loads(whole)
        else:
            envelope = {
                "method": found[b"method"].decode(),
                "params": json.loads(found.get(b"params", b"{}")),
                "bulk": found.get(b"bulk", b"").lower() in (b"1", b"true"),
            }
    except (KeyError, ValueError, RecursionError):
        raise InvalidInput(UNREADABLE) from None
    if not isinstance(envelope, dict):
        raise InvalidInput(UNREADABLE)
    return envelope


class CallMover:
    """Moves the calls of programs that speak to Redis."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._redis = platform.job_redis  # its answers are undecoded: a program writes what it likes
        self._told = [text.for_column() for text in (TOO_LARGE, TOO_MUCH)]

    def move(self, workers: Sequence[WorkerIdentity]) -> list[CallPage]:
        """Move the first calls of each worker's program; what was found of each. Raises RedisError."""
        if not workers:
            return []
        pages = read_calls(self._redis, [(each.bot_id, each.public_id) for each in workers], *self._told)
        moved = [
            self._checked(worker, page) for worker, page in zip(workers, pages, strict=True) if page.entries
        ]
        if moved:
            for shard in move_calls(self._redis, self._platform.settings.update_lanes, moved):
                with suppress(RedisError):  # the reconciler rings again
                    enqueue(self._redis, JobName.DRAIN_OUTBOX, shard)
        return pages

    def _checked(self, worker: WorkerIdentity, page: CallPage) -> Moved:
        calls: list[tuple[bytes, WorkCall]] = []
        refused: list[tuple[bytes, str]] = []
        for entry, fields in page.entries:
            try:
                calls.append((entry, self._call(worker, fields)))
            except InvalidInput as error:
                refused.append((entry, error.text.fitting(LONGEST_TOLD).for_column()))
        return Moved((worker.bot_id, worker.public_id), calls, refused)

    def _call(self, worker: WorkerIdentity, fields: Sequence[bytes]) -> WorkCall:
        """Raises InvalidInput for whatever cannot be called: nothing that one program writes may stop the others' calls."""
        try:
            found = call_in(envelope_of(fields))
            if found is None:
                raise InvalidInput(UNREADABLE)
            call, priority = found
            slot = slot_of(call.method, call.params, priority, str(call.params.get("chat_id", "0")))
            wanted = {"method": call.method, "params": call.params}
            return WorkCall(
                *slot, begun(worker.bot_id), dump_sealed(self._platform.vault, wanted, worker.bot_id)
            )
        except (ValueError, RecursionError):
            raise InvalidInput(UNREADABLE) from None
