"""Putting a running broadcast's people at its steps: their timers are set in the commit that claims them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, TypeVar

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, Broadcast, BroadcastKind, RecipientStatus, Timer
from plugins.effects import Priority
from services.core.errors import Unavailable
from services.core.times import utc_now
from services.fleet.flows.users import PLUGIN, plays_flows
from services.messaging.broadcasts.contents import steps_of
from services.messaging.broadcasts.entrances import take_entrance
from services.messaging.broadcasts.ledger import Chosen, Claimed
from services.messaging.broadcasts.outcomes import Outcome
from services.messaging.broadcasts.step_checks import most_messages
from services.messaging.flows.entrances import Entrance
from services.messaging.flows.people import start_flow
from services.messaging.outbox.store import ALL_CHATS
from services.messaging.timers.ringing import wake_for_timers
from services.platform.platform import Platform
from services.platform.redis import keys

logger = logging.getLogger(__name__)
MEND_SECONDS: Final = 30.0  # between looks for people who were claimed and are nowhere
COUNT_SECONDS: Final = (
    3.0  # the same where lanes may settle people, of which the ledgers' process hears nothing
)
PLAYS_NONE: Final = "plays_no_flow"
STUCK: Final = timedelta(minutes=1)  # then it is asked whether the bot plays flows still
KEPT_OUT: Final = timedelta(hours=1)  # then nobody waits any more for somebody whom the bot lets in later
AT_WORK: Final = Bot.desired_running & Bot.maintenance.is_(False)
Row = TypeVar("Row", Claimed, Any)  # both say their variant
WAY_SECONDS: Final = 1.0  # a tick of the clock, a turn of the lane, its commit
LOST: Final = timedelta(minutes=5)  # longer than a commit's effects are on their way to an outbox


class StepFeed:
    """The steps of one broadcast, which may have none."""

    def __init__(self, platform: Platform, broadcast: Broadcast) -> None:
        self._platform = platform
        self._steps = steps_of(broadcast)
        self._writes = broadcast.kind == BroadcastKind.SEND
        series = broadcast.parent_id or broadcast.id
        opt_out = series if broadcast.has_opt_out else 0
        self._entrance = Entrance(broadcast.id, broadcast.per_second, opt_out)
        with platform.database.reading() as session:
            self.messages = most_messages(session, broadcast)
        self.mend_seconds = COUNT_SECONDS if self._steps else MEND_SECONDS

    def at_work(self, bots: Collection[int]) -> Collection[int]:
        """Those of the bots that may write to people now: whoever is another's waits until their bot is back. Steps wait for the
        end of a 429 as well, for nothing holds what their people are told in between. What was sent is changed all the same."""
        if not bots or not self._writes:
            return bots
        with self._platform.database.reading() as session:
            resting = set(session.scalars(select(Bot.id).where(Bot.id.in_(bots), ~AT_WORK)))
        return set(bots) - resting - (self._held_up(bots) if self._steps else set())

    def _held_up(self, bots: Collection[int]) -> set[int]:
        with self._platform.redis.pipeline(transaction=False) as pipe:
            for bot_id in bots:
                pipe.hget(keys.outbox_pauses(bot_id), ALL_CHATS)
            pauses = pipe.execute()
        now = utc_now().timestamp() * 1000
        return {bot_id for bot_id, until in zip(bots, pauses, strict=True) if until and float(until) > now}

    def refuse(self, session: Session, chosen: Chosen) -> Chosen:
        """The same, without people of bots that play no flows any more: they are left out."""
        if not self._steps:
            return chosen
        playing = set(session.scalars(select(Bot.id).where(Bot.id.in_(list(chosen.people)), plays_flows())))
        for bot_id in chosen.people.keys() - playing:
            people = chosen.people[bot_id]
            chosen.causes.update({each.reader.telegram_id: PLAYS_NONE for each in people})
            chosen.people[bot_id] = []
        return chosen

    def put(self, session: Session, chosen: Chosen) -> None:
        """Set the timers of the claimed, in the transaction that claims them."""
        by_variant: dict[int, list[tuple[int, int]]] = {}
        for each in chosen.claimed:
            by_variant.setdefault(each.variant, []).append((each.reader.bot_id, each.reader.telegram_id))
        for variant, people in sorted(by_variant.items()):
            named = self._steps.get(variant)
            if named is not None:
                start_flow(session, people, named.flow, named.step, entrance=self._entrance)

    def ring(self) -> None:
        """Have the timers rung for now; the clock looks soon after by itself."""
        if self._steps:
            with suppress(RedisError, Unavailable):
                wake_for_timers(self._platform)

    def way(self, claimed: Claimed) -> float:
        """Seconds that somebody's way through a lane to their outbox may take: what comes later than that says that workers are short of
        time. 0 for whose call stands in an outbox, where turns see to it."""
        return WAY_SECONDS if claimed.variant in self._steps else 0.0

    def called(self, claimed: Iterable[Row]) -> list[Row]:
        """Those of the claimed for whom a message is to be put into an outbox."""
        return [each for each in claimed if each.variant not in self._steps]

    def mend(self, rows: Sequence[Any]) -> list[int]:
        """People who were claimed long ago: whoever can't enter is left out, unless their bot rests. Given back is who has entered
        and of whose messages nothing is there any more. RedisError."""
        now = utc_now()
        late = [row for row in rows if row.variant in self._steps and row.at <= now - STUCK]
        if not late:
            return []
        bots = {row.bot_id for row in late}
        with self._platform.database.reading() as session:
            timers = self._timers(session, bots, {row.telegram_id for row in late})
            playing = select(Bot.id, AT_WORK).where(Bot.id.in_(bots), plays_flows())
            is_at_work: dict[int, bool] = {row[0]: row[1] for row in session.execute(playing)}
        for row in late:
            timer = timers.get((row.bot_id, row.telegram_id))
            if timer is None:
                continue
            if row.bot_id not in is_at_work:
                self._leave_out(row.bot_id, timer, PLAYS_NONE)
            elif is_at_work[row.bot_id] and row.at <= now - KEPT_OUT:
                self._leave_out(row.bot_id, timer, "kept_out")
        entered = [row for row in late if (row.bot_id, row.telegram_id) not in timers]
        empty = self._without_messages({row.bot_id for row in entered})
        return [row.telegram_id for row in entered if row.bot_id in empty and row.at <= now - LOST]

    def _leave_out(self, bot_id: int, timer: int, cause: str) -> None:
        with self._platform.database.transaction() as session:
            take_entrance(session, bot_id, timer, Outcome(RecipientStatus.SKIPPED, cause))

    def _timers(
        self, session: Session, bots: Collection[int], people: Collection[int]
    ) -> dict[tuple[int, int], int]:
        query = select(Timer.bot_id, Timer.telegram_id, Timer.id).where(
            Timer.bot_id.in_(bots),
            Timer.plugin == PLUGIN,
            Timer.chat_id.in_(people),
            Timer.key == self._entrance.key,
        )
        return {(row[0], row[1]): row[2] for row in session.execute(query)}

    def _without_messages(self, bots: Collection[int]) -> set[int]:
        wanted = sorted(bots)
        with self._platform.redis.pipeline(transaction=False) as pipe:
            for bot_id in wanted:
                pipe.xlen(keys.outbox(bot_id, Priority.BULK))
            lengths = pipe.execute()
        return {bot_id for bot_id, length in zip(wanted, lengths, strict=True) if not length}
