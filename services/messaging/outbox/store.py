"""The outboxes of one shard in Redis: which bots have some, reading, settling, remembering pauses, leaving."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from redis import Redis
from redis.exceptions import OutOfMemoryError

from services.core.encryption import Vault
from services.messaging.outbox.outgoing import OutboxMessage, flight_id_of
from services.messaging.outbox.pacing import Limits
from services.messaging.outbox.send_history import Sent, note, records_of
from services.platform.redis import keys, streams
from services.platform.redis.schema_version import is_newer
from services.platform.redis.scripts import load
from services.platform.token_encryption import open_tokens
from services.queueing.shared_reads import SharedReads

ALL_CHATS = "*"
UNCERTAIN = "?"  # before the name of a flight: how often its outcome was unknown
READ_AT_ONCE = 64  # per bot and priority

RETIRE: Final = load("retire_bot")
LEAVE: Final = load("leave_shard")


class OutboxStore:
    """One shard, for the drain that holds it."""

    def __init__(self, redis: Redis, reads: SharedReads, vault: Vault, limits: Limits, shard: int) -> None:
        self._redis = redis
        self._reads = reads
        self._pauses = False  # the last read brought something
        self._vault = vault
        self._limits = limits
        self._shard = shard
        self._wake_cursor = "0"
        self._cursors: dict[tuple[int, int], str] = {}  # (bot, rank) -> last entry read
        self._attempts: dict[tuple[int, str], int] = {}  # (bot, flight) -> number
        self._flew: set[tuple[int, str]] = set()  # (bot, flight) that the last sender left under way
        self.bots: set[int] = set()
        self.sent: list[Sent] = []  # before this stay, the oldest first

    def begin(self) -> set[int]:
        """All bots with something to send; from here on `read` tells of new ones."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.delete(keys.wakeup("outbox", self._shard))
            pipe.xrevrange(keys.outbox_wake(self._shard), count=1)
            pipe.zrange(keys.outbox_active(self._shard), 0, -1)
            pipe.zrange(keys.outbox_sent(self._shard), 0, -1)
            _, newest, active, sent = pipe.execute()
        if newest:
            self._wake_cursor = str(newest[0][0])
        self.sent = records_of(sent)
        return {int(str(bot)) for bot in active}

    def load(self, bots: Iterable[int]) -> dict[tuple[int, str], float]:
        """Begin reading the outboxes of `bots`; their pauses still in force, (bot, chat) -> epoch seconds."""
        fresh = [bot for bot in bots if bot not in self.bots]
        if not fresh:
            return {}
        with self._redis.pipeline(transaction=False) as pipe:
            for bot in fresh:
                pipe.hgetall(keys.outbox_pauses(bot))
                pipe.hgetall(keys.outbox_attempts(bot))
                pipe.hkeys(keys.outbox_flying(bot))
            answers = pipe.execute()
        pauses: dict[tuple[int, str], float] = {}
        for bot, paused, attempts, flights in zip(
            fresh, answers[::3], answers[1::3], answers[2::3], strict=True
        ):
            self.bots.add(bot)
            self._cursors.update({(bot, rank): "0" for rank in range(len(keys.OUTBOX_PRIORITIES))})
            self._attempts.update({(bot, flight): int(number) for flight, number in attempts.items()})
            self._flew.update((bot, flight) for flight in flights)
            pauses.update({(bot, chat): int(until) / 1000 for chat, until in paused.items()})
        return pauses

    def read(
        self, wanted: Iterable[tuple[int, int]], patience: float
    ) -> tuple[list[OutboxMessage], list[int]]:
        """What is new in the outboxes (bot, rank) of `wanted`, and bots that got something; waits for either."""
        wake = keys.outbox_wake(self._shard)
        sources = {keys.outbox(bot, keys.OUTBOX_PRIORITIES[rank]): (bot, rank) for bot, rank in wanted}
        cursors = {name: self._cursors[source] for name, source in sources.items()}
        answer = self._reads.read(
            {wake: self._wake_cursor, **cursors}, block_seconds=patience, pause=self._pauses
        )
        self._pauses = bool(answer)
        woken = answer.pop(wake, [])
        if woken:
            self._wake_cursor = woken[-1][0]
        messages: list[OutboxMessage] = []
        for name, entries in answer.items():
            messages += self._take_in(*sources[name], entries)
        return messages, [int(fields["bot"]) for _, fields in woken]

    def settle(self, messages: Sequence[OutboxMessage]) -> None:
        """Delete what is settled, one round trip for all. A Redis that is full refuses the notes for pacing alone: their lack is
        felt by whoever sends next, for some seconds.
        """
        by_outbox: dict[tuple[int, int], list[OutboxMessage]] = {}
        for message in messages:
            by_outbox.setdefault((message.bot_id, message.rank), []).append(message)
        with self._redis.pipeline(transaction=False) as pipe:
            note(pipe, self._shard, messages, self._limits, time.time())
            for (bot, rank), settled in by_outbox.items():
                pipe.xdel(
                    keys.outbox(bot, keys.OUTBOX_PRIORITIES[rank]), *(message.entry_id for message in settled)
                )
                counted = [name for message in settled for name in _counts(message)]
                if counted:
                    pipe.hdel(keys.outbox_attempts(bot), *counted)
                landed = [
                    message.flight_id for message in settled if message.in_flight or message.was_in_flight
                ]
                if landed:
                    pipe.hdel(keys.outbox_flying(bot), *landed)
            _raise_errors(pipe.execute(raise_on_error=False))

    def count_attempts(self, message: OutboxMessage) -> None:
        """Remember the failed attempts that decide when to give up beyond this process's life."""
        self._redis.hset(keys.outbox_attempts(message.bot_id), mapping=_counts(message))

    def pause(self, bot: int, chat: str, seconds: float) -> None:
        """Remember beyond this process's life that the chat (or ALL_CHATS) must wait."""
        until = int((time.time() + seconds) * 1000)
        name = keys.outbox_pauses(bot)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(name, chat, str(until))
            pipe.expire(name, int(seconds) + 60, nx=True)
            pipe.expire(name, int(seconds) + 60, gt=True)
            pipe.execute()

    def unload(self, bots: Sequence[int]) -> None:
        """Stop reading the outboxes of idle bots, unless something came in."""
        calls: list[tuple[list[str], list[int]]] = []
        for bot in bots:
            kept = (keys.outbox_attempts(bot), keys.outbox_flying(bot))
            calls.append(([keys.outbox_active(self._shard), *kept, *_outboxes(bot)], [bot]))
        for bot, retired in zip(bots, RETIRE.each(self._redis, calls), strict=True):
            if retired:
                self.bots.discard(bot)

    def release(self, token: str, wakes: Mapping[int, float]) -> bool:
        """Give the shard back unless something came in; `wakes` says when (epoch s) a bot with waiting messages may go on."""
        names = [keys.lease(f"outbox:{self._shard}"), keys.outbox_active(self._shard)]
        values: list[str | int] = [token, len(keys.OUTBOX_PRIORITIES)]
        for bot in sorted(self.bots):
            names += _outboxes(bot)
            cursors = [self._cursors[bot, rank] for rank in range(len(keys.OUTBOX_PRIORITIES))]
            values += (bot, int(wakes.get(bot, 0) * 1000), *(c if "-" in c else "0-0" for c in cursors))
        return bool(LEAVE(self._redis, names, values))

    def _take_in(self, bot: int, rank: int, entries: list[tuple[str, streams.Fields]]) -> list[OutboxMessage]:
        self._cursors[bot, rank] = entries[-1][0]
        messages = [
            OutboxMessage(
                entry_id=entry_id,
                bot_id=bot,
                chat=fields["chat"],
                rank=rank,
                request_id=fields.get("request") or entry_id,
                text=open_tokens(self._vault, fields.get("call", ""), bot),
                newer=is_newer(fields),
                server_errors=self._attempts.pop((bot, flight_id_of(rank, entry_id)), 0),
                uncertain=self._attempts.pop((bot, UNCERTAIN + flight_id_of(rank, entry_id)), 0),
            )
            for entry_id, fields in entries
        ]
        for message in messages if self._flew else ():
            if (bot, message.flight_id) in self._flew:
                self._flew.remove((bot, message.flight_id))
                message.was_in_flight = True
        return messages


def _counts(message: OutboxMessage) -> dict[Any, Any]:
    """The fields of its failed attempts; a release from before the second one reads the first as all of them."""
    found = {message.flight_id: message.server_errors, UNCERTAIN + message.flight_id: message.uncertain}
    return {name: str(number) for name, number in found.items() if number}


def _outboxes(bot: int) -> list[str]:
    return [keys.outbox(bot, priority) for priority in keys.OUTBOX_PRIORITIES]


def _raise_errors(answers: Iterable[Any]) -> None:
    """Of commands that ran each by itself, but for those that a full Redis refused."""
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, OutOfMemoryError):
            raise answer
