"""One running broadcast in the memory of the process that works at the ledgers."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from models import Broadcast, BroadcastStatus, RecipientStatus
from services.core.errors import Unavailable
from services.core.times import utc_now
from services.messaging.broadcasts import ledger
from services.messaging.broadcasts.brake import Brake
from services.messaging.broadcasts.calls import Calls
from services.messaging.broadcasts.ledger import Claimed
from services.messaging.broadcasts.outbox_link import OutboxLink, is_halted
from services.messaging.broadcasts.outcomes import Outcome
from services.messaging.broadcasts.pace import Pace
from services.messaging.broadcasts.step_feed import MEND_SECONDS, StepFeed
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
AT_ONCE: Final = 150  # people of one claim, whose commit others wait for
PAUSE_SECONDS: Final = 0.8  # between two claims: one costs a commit, for one bot or for many


class Feed:
    """Gives a broadcast's people to the outboxes, a few seconds' worth at a time."""

    def __init__(self, platform: Platform, link: OutboxLink, broadcast: Broadcast) -> None:
        self._platform = platform
        self._link = link
        self.id = broadcast.id
        self.brake = Brake(broadcast.brake_percent)
        now = time.monotonic()
        self._steps = StepFeed(platform, broadcast)
        self.pace = Pace(broadcast.per_second / self._steps.messages, now)
        self._kind = broadcast.kind
        self._calls = Calls(platform.vault, broadcast)
        self._mended = now
        self._was_halted = False
        self._next = 0.0  # moment of the next claim

    def begin(self) -> bool:
        """Find who waits, and who was claimed by a process that died. False when the lease is lost."""
        with self._platform.database.reading() as session:
            self.pace.bots = set(ledger.waiting_by_bot(session, self.id))
        return self.mend(grace_seconds=0.0)

    def hear(self, telegram_id: int, outcome: Outcome, now: float) -> None:
        """What came of a person, before it is in the ledger."""
        age = self.pace.age_of(telegram_id, now)
        if not outcome.is_known:
            return
        self.brake.note()
        if age is not None:
            self.pace.heard(age, now)

    def note(self, settled: Sequence[tuple[int, Outcome]]) -> None:
        """These were settled; whoever waits again is claimed again later."""
        for bot_id, outcome in settled:
            self.pace.settled(bot_id)
            if outcome.status is RecipientStatus.WAITING:
                self.pace.bots.add(bot_id)

    @property
    def is_over(self) -> bool:
        """Whether nobody waits and nothing is under way."""
        return not self.pace.bots and not self.pace.total

    def is_finished(self) -> bool:
        """The same, as the ledger knows it; who waits after all is fed."""
        with self._platform.database.reading() as session:
            self.pace.bots = set(ledger.waiting_by_bot(session, self.id))
        return self.is_over

    def is_halted_for_nothing(self) -> bool:
        """Whether a pause's mark stands though the broadcast goes on: seen at two looks, for a pause is committed before it marks.

        So it does when somebody goes on before the mark of the pause is set. Raises RedisError.
        """
        was, self._was_halted = self._was_halted, is_halted(self._platform, self.id)
        return was and self._was_halted

    def feed(self) -> bool:
        """Claim people in the ledger, commit, and put their calls into outboxes. False when the lease is lost."""
        now = time.monotonic()
        if now < self._next:
            return True
        bots = self._steps.at_work(self.pace.bots)
        shares = self.pace.shares(bots, self.brake.room - self.pace.total, AT_ONCE, now)
        self._next = now + (0.0 if sum(shares.values()) == AT_ONCE else PAUSE_SECONDS)
        if not shares:
            is_time = now - self._mended >= self._steps.mend_seconds and self.pace.total > 0
            return not is_time or self.mend(grace_seconds=MEND_SECONDS)
        with self._platform.database.reading() as session:
            chosen = self._steps.refuse(session, ledger.choose(session, self.id, self._kind, shares))
        if chosen.everybody and not self._claim(chosen):
            return True
        for bot_id, people in chosen.people.items():
            self.pace.taken(bot_id, len(people), now)
        self.pace.bots -= chosen.exhausted  # whoever waits again later brings their bot back
        return self._offer(chosen.claimed)

    def _claim(self, chosen: ledger.Chosen) -> bool:
        """Commit that they are ours; False when the broadcast does not run any more. Unavailable when another claims too."""
        with self._platform.database.transaction() as session:
            broadcast = session.get(Broadcast, self.id, with_for_update=True)
            if broadcast is None or broadcast.status != BroadcastStatus.RUNNING:
                return False
            if not ledger.claim(session, broadcast, chosen):
                raise Unavailable("Another process works at this ledger", code="ledger_taken")
            self._steps.put(session, chosen)
        self._steps.ring()
        return True

    def _offer(self, claimed: Sequence[Claimed]) -> bool:
        now = time.monotonic()
        for each in claimed:
            if way := self._steps.way(each):
                self.pace.given(each.reader.bot_id, each.reader.telegram_id, now + way)
        calls = [self._calls.of(each) for each in self._steps.called(claimed)]
        return self._link.offer(self.id, calls)

    def mend(self, *, grace_seconds: float) -> bool:
        """Put people into outboxes who were claimed and never were; of those whose call is gone without a word nobody knows.

        The outcomes that are in the stream must be in the ledger before. False when the lease is lost.
        """
        self._mended = time.monotonic()
        with self._platform.database.reading() as session:
            everybody = ledger.queued(session, self.id)  # fewer than we know of where people were erased
        before = utc_now() - timedelta(seconds=grace_seconds)
        self.pace.under_way = Counter(each.bot_id for each in everybody)
        rows = [row for row in self._steps.called(everybody) if row.at <= before]
        places = self._link.places(self.id, [row.telegram_id for row in rows])
        lost = self._steps.mend(everybody) + [one for one, is_there in places.items() if not is_there]
        never = [row for row in rows if row.telegram_id not in places]
        if lost and self._are_lost(lost):
            logger.warning("broadcast %d: %d messages vanished from their outboxes", self.id, len(lost))
        return not never or self._offer_again(never)

    def _offer_again(self, rows: Sequence[Any]) -> bool:
        by_bot: dict[int, list[Any]] = {}
        for row in rows:
            by_bot.setdefault(row.bot_id, []).append(row)
        with self._platform.database.transaction() as session:
            broadcast = session.get(Broadcast, self.id, with_for_update=True)
            if broadcast is None:
                return True
            chosen = ledger.judge(session, self._kind, by_bot)
            ledger.skip(session, broadcast, chosen.causes)
        for bot, people in chosen.people.items():
            for _ in range(len(by_bot[bot]) - len(people)):
                self.pace.settled(bot)
        return self._offer(chosen.claimed)

    def _are_lost(self, people: Sequence[int]) -> bool:
        """Settle them as uncertain; not those whose outcome came meanwhile, which the next pass reads."""
        fresh = {each.telegram_id for each in self._link.peek() if each.broadcast_id == self.id}
        lost = [person for person in people if person not in fresh]
        with self._platform.database.transaction() as session:
            broadcast = session.get(Broadcast, self.id, with_for_update=True)
            if broadcast is None or not lost:
                return False
            unknown = Outcome(RecipientStatus.UNCERTAIN, "lost")
            settled = ledger.settle(session, broadcast, dict.fromkeys(lost, unknown))
        self.note(settled)
        return bool(settled)
