"""Telling owners of dead letters: once per cause, and once more when nothing of that cause waits any longer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from models import Account, Bot, DeadLetter, DeadLetterState, Notification
from services.alerts.dead_letters.store import summary
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.core.times import utc_now
from services.platform.platform import Platform

MOST_TOLD: Final = 20  # causes in one look; the next look, seconds later, goes on
MOST_NAMED: Final = 3  # bots
LONGEST_EXAMPLE: Final = 120  # characters of the error; the page has all of it
REMEMBERED: Final = timedelta(days=90)  # what is still open after that is told again
KINDS: Final = (Kind.DEAD_LETTERS, Kind.DEAD_LETTERS_SETTLED)
WAITING: Final = (DeadLetterState.OPEN, DeadLetterState.REPLAYING)


class Cause(NamedTuple):
    """Whom a cause concerns: an account, or None for the installation's own jobs; and its fingerprint."""

    account_id: int | None
    fingerprint: str


@dataclass(frozen=True)
class Waiting:
    """Letters of one cause that nobody has settled: `open` ones, and the id of the newest."""

    cause: Cause
    open: int
    newest: int


@dataclass(frozen=True)
class Told:
    """The last word about a cause to an account."""

    id: int
    kind: str
    params: dict[str, object]


def notify_of_dead_letters(platform: Platform) -> int:
    """Notify of causes that are new and of those that are settled; how many. Several processes may look at once.

    Letters without an account go to every administrator. Raises Unavailable.
    """
    with platform.database.reading() as session:
        if not _due(session):
            return 0
    with platform.database.transaction() as session:
        alarms, settled = _due(session)
        for account_id, one, episode in alarms[:MOST_TOLD]:
            _alarm(session, account_id, one, episode)
        for cause, told in settled:
            _settle(session, cause, told)
    return len(alarms[:MOST_TOLD]) + len(settled)


class Due(NamedTuple):
    """What is to be told: (account, letters, what sets this time apart from earlier ones), and causes with their alarm."""

    alarms: Sequence[tuple[int, Waiting, str]]
    settled: Sequence[tuple[Cause, Told]]

    def __bool__(self) -> bool:
        return bool(self.alarms or self.settled)


def _due(session: Session) -> Due:
    waiting = _waiting(session)
    told = _told(session)
    concerned = _by_account(session, waiting)
    alarms = []
    for cause, one in concerned.items():
        last = told.get(cause)
        if one.open and cause.account_id is not None and (last is None or last.kind != Kind.DEAD_LETTERS):
            alarms.append((cause.account_id, one, str(last.id) if last else f"{utc_now():%Y-%m}"))
    settled = [
        (cause, last)
        for cause, last in told.items()
        if last.kind == Kind.DEAD_LETTERS and cause not in concerned
    ]
    return Due(sorted(alarms, key=lambda alarm: alarm[1].newest), settled)


def _waiting(session: Session) -> list[Waiting]:
    is_open = case((DeadLetter.state == DeadLetterState.OPEN, 1), else_=0)
    query = (
        select(DeadLetter.account_id, DeadLetter.fingerprint, func.sum(is_open), func.max(DeadLetter.id))
        .where(DeadLetter.state.in_(WAITING))
        .group_by(DeadLetter.account_id, DeadLetter.fingerprint)
    )
    return [
        Waiting(Cause(account_id, fingerprint), int(count), newest)
        for account_id, fingerprint, count, newest in session.execute(query)
    ]


def _by_account(session: Session, waiting: Iterable[Waiting]) -> dict[Cause, Waiting]:
    """Each account's own; those of nobody are every administrator's."""
    own, nobodys = {}, []
    for one in waiting:
        if one.cause.account_id is None:
            nobodys.append(one)
        else:
            own[one.cause] = one
    admins = session.scalars(select(Account.id).where(Account.is_admin)).all() if nobodys else ()
    shared = {Cause(admin, one.cause.fingerprint): one for one in nobodys for admin in admins}
    return {**shared, **own}


def _told(session: Session) -> dict[Cause, Told]:
    query = (
        select(Notification.id, Notification.account_id, Notification.kind, Notification.params)
        .where(Notification.kind.in_(KINDS), Notification.at > utc_now() - REMEMBERED)
        .order_by(Notification.id)
    )
    return {
        Cause(account_id, str(params["fingerprint"])): Told(number, kind, params)
        for number, account_id, kind, params in session.execute(query)
        if "fingerprint" in params  # not in those that the plugin error_handler of former releases told
    }


def _alarm(session: Session, account_id: int, one: Waiting, episode: str) -> None:
    kind, fingerprint = Kind.DEAD_LETTERS, one.cause.fingerprint
    newest = session.get_one(DeadLetter, one.newest)
    params = {
        "fingerprint": fingerprint,
        "count": one.open,
        "uncertain": newest.is_uncertain,
        "error": summary(newest.error)[:LONGEST_EXAMPLE],
        "bots": _bots(session, one.cause),
    }
    key = f"{kind}:{account_id}:{fingerprint}:{episode}"
    notify(session, account_id, kind, kind.level, key, params, subject=fingerprint)


def _settle(session: Session, cause: Cause, told: Told) -> None:
    if cause.account_id is not None:
        kind = Kind.DEAD_LETTERS_SETTLED
        key = f"{kind}:{cause.account_id}:{cause.fingerprint}:{told.id}"
        params = {name: told.params.get(name, "") for name in ("fingerprint", "error", "bots")}
        notify(session, cause.account_id, kind, kind.level, key, params, subject=cause.fingerprint)


def _bots(session: Session, cause: Cause) -> str:
    """The bots concerned, the first few by name; a dash for what has none, as a job."""
    query = (
        select(Bot.username)
        .join(DeadLetter, DeadLetter.bot_id == Bot.id)
        .where(
            DeadLetter.account_id.is_not_distinct_from(cause.account_id),
            DeadLetter.fingerprint == cause.fingerprint,
            DeadLetter.state.in_(WAITING),
        )
        .distinct()
        .order_by(Bot.username)
        .limit(MOST_NAMED + 1)
    )
    names = [f"@{name}" for name in session.scalars(query)]
    return ", ".join([*names[:MOST_NAMED], *(["…"] if len(names) > MOST_NAMED else [])]) or "–"
