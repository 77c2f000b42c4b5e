"""Sending replays in again at a pace, and noticing what became of them.

The state machine of a letter: open -> replaying (decided) -> resolved once its entry is out of the lane or outbox, or
open again by whoever gave it up, which happens before the entry leaves. An entry goes in once per replay, however many
workers try and wherever they die: a marker in Redis is set in the step that appends it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session, load_only

from models import Bot, DeadLetter, DeadLetterState
from services.alerts.dead_letters.deciding import REPLAYED
from services.alerts.dead_letters.replay_id import Replay
from services.alerts.dead_letters.store import open_again
from services.core.errors import ConfigurationError
from services.core.i18n import Text
from services.core.times import utc_now
from services.messaging.replay.requeuer import Full, Gone, Requeuer
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from services.platform.redis.jobs import JobName, wake
from services.platform.redis.leases import Lease

logger = logging.getLogger(__name__)
# Twenty a second per account: a tenth of what one worker handles, so replays delay nobody's fresh updates.
TURN_SECONDS = 0.9  # the clock rings every second; a whole second would miss every other ring
PER_TURN = 20
LOOKED_AT_ONCE = 500
DOORBELL = "dead_letters"


def wake_if_replaying(platform: Platform) -> bool:
    """Ring while letters are being replayed; True when a job was queued. Raises RedisError or Unavailable."""
    with platform.database.reading() as session:
        if not session.scalar(select(exists().where(DeadLetter.state == DeadLetterState.REPLAYING))):
            return False
    return wake(platform.redis, platform.job_redis, JobName.REPLAY_DEAD_LETTERS, DOORBELL, 0)


def take_turn(platform: Platform, *, turn_seconds: float = TURN_SECONDS) -> int:
    """Resolve what took effect and send the next twenty of each account in; how many. One turn per `turn_seconds`,
    fleet-wide.

    The lease is not given back: its end is the pace, and nobody sleeps.
    """
    platform.redis.delete(keys.wakeup(DOORBELL, 0))
    if Lease.take(platform.redis, DOORBELL, ttl_seconds=turn_seconds) is None:
        return 0
    resolve_done(platform)
    entrance = Requeuer(platform)
    sent = 0
    for account_id in _accounts(platform):
        sent += _send_in(platform, entrance, account_id)
    return sent


def resolve_done(platform: Platform) -> int:
    """Resolve the letters whose entry has left its stream, and the queue of its bot's worker; how many."""
    last, resolved = 0, 0
    while letters := _sent_in(platform, last):
        with platform.redis.pipeline(transaction=False) as pipe:
            for letter in letters:
                name, _, entry = letter.replay_entry.partition(" ")
                pipe.xrange(name, entry, entry)
                pipe.exists(work_keys.replaying(letter.bot_id or 0, letter.id, letter.replays))
            found = pipe.execute()
        waiting = zip(found[::2], found[1::2], strict=True)
        done = [letter for letter, places in zip(letters, waiting, strict=True) if not any(places)]
        with platform.database.transaction() as session:
            for letter in done:
                _resolve(session, letter)
        resolved += len(done)
        last = letters[-1].id
    return resolved


def _accounts(platform: Platform) -> Sequence[int | None]:
    with platform.database.reading() as session:
        return session.scalars(select(DeadLetter.account_id).where(*_unsent()).distinct()).all()


def _send_in(platform: Platform, entrance: Requeuer, account_id: int | None) -> int:
    """Send in the account's next letters, oldest first, and note where; those of a bot whose lane is full wait together."""
    with platform.database.reading() as session:
        stopped = set(session.scalars(select(Bot.id).where(~Bot.desired_running)))
        later = select(Bot.id, Bot.identity_since).where(Bot.identity > 1)
        since = {row.id: row.identity_since for row in session.execute(later)}
    sent, waiting, last = 0, set[int](), 0
    for _ in range(PER_TURN):
        letter = _next(platform, account_id, last, waiting)
        if letter is None:
            break
        last = letter.id
        try:
            if letter.kind == "update" and letter.bot_id in stopped:
                raise Gone("The bot is stopped; start it and replay again")
            if letter.kind == "update" and letter.at < (since.get(letter.bot_id) or letter.at):
                raise Gone(
                    "It came to the bot's former identity, whose chats the new one does not have; discard the letter"
                )
            entry = entrance.requeue(letter)
        except Full:
            logger.info("replays wait: the lane is full", extra={"bot_id": letter.bot_id})
            waiting.add(letter.bot_id or 0)
        except (Gone, ConfigurationError) as error:
            _open_again(platform, letter, error.text)
        else:
            sent += 1
            _note(platform, letter, entry)
    return sent


def _next(
    platform: Platform, account_id: int | None, after: int, waiting: Collection[int]
) -> DeadLetter | None:
    """The account's oldest letter beyond `after` that is to be sent in, of no bot that waits: a chat's stay in order."""
    mine = DeadLetter.account_id == account_id if account_id else DeadLetter.account_id.is_(None)
    query = select(DeadLetter).where(mine, *_unsent(), DeadLetter.id > after)
    query = query.where(func.coalesce(DeadLetter.bot_id, 0).not_in(waiting))
    with platform.database.reading() as session:
        return session.scalar(query.order_by(DeadLetter.id).limit(1))


def _note(platform: Platform, letter: DeadLetter, entry: str) -> None:
    """Remember the entry; a job, which has none, is on its way for good."""
    with platform.database.transaction() as session:
        if entry:
            session.execute(update(DeadLetter).where(*_this_replay(letter)).values(replay_entry=entry))
        else:
            _resolve(session, letter)


def _open_again(platform: Platform, letter: DeadLetter, why: Text) -> None:
    with platform.database.transaction() as session:
        open_again(session, Replay(letter.id, letter.replays), error=why, attempts=0)


def _resolve(session: Session, letter: DeadLetter) -> None:
    session.execute(
        update(DeadLetter)
        .where(*_this_replay(letter))
        .values(state=DeadLetterState.RESOLVED, resolved_at=utc_now(), resolution=REPLAYED, sealed_payload="")
    )


def _this_replay(letter: DeadLetter) -> tuple[ColumnElement[bool], ...]:
    return (
        DeadLetter.id == letter.id,
        DeadLetter.state == DeadLetterState.REPLAYING,
        DeadLetter.replays == letter.replays,
    )


def _unsent() -> tuple[ColumnElement[bool], ...]:
    return DeadLetter.state == DeadLetterState.REPLAYING, DeadLetter.replay_entry == ""


def _sent_in(platform: Platform, after_id: int) -> Sequence[DeadLetter]:
    with platform.database.reading() as session:
        return session.scalars(
            select(DeadLetter)
            .where(
                DeadLetter.state == DeadLetterState.REPLAYING,
                DeadLetter.replay_entry != "",
                DeadLetter.id > after_id,
            )
            .order_by(DeadLetter.id)
            .limit(LOOKED_AT_ONCE)
            .options(
                load_only(
                    DeadLetter.id,
                    DeadLetter.bot_id,
                    DeadLetter.replays,
                    DeadLetter.replay_entry,
                    raiseload=True,
                )
            )
        ).all()
