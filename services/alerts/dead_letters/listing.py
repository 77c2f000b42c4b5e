"""Reading dead letters: pages, groups by cause, one with its attempts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, load_only
from typing_extensions import TypedDict

from models import Bot, DeadLetter, DeadLetterState
from services.alerts.dead_letters.selection import LetterFilter, own
from services.alerts.dead_letters.store import summary
from services.core.answer_types import Moment, Sentence, one_of
from services.core.times import iso
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform

MOST_LISTED = 200
MOST_GROUPS = 100
LISTED = load_only(
    DeadLetter.id,
    DeadLetter.account_id,
    DeadLetter.bot_id,
    DeadLetter.kind,
    DeadLetter.error_id,
    DeadLetter.error,
    DeadLetter.fingerprint,
    DeadLetter.attempts,
    DeadLetter.is_uncertain,
    DeadLetter.state,
    DeadLetter.replays,
    DeadLetter.at,
    DeadLetter.resolved_at,
    DeadLetter.resolution,
    raiseload=True,
)


@dataclass(frozen=True)
class Group:
    """Dead letters of one cause; `example_id` is the newest of them."""

    fingerprint: str
    kind: str
    is_uncertain: bool
    count: int
    first_seen: datetime
    last_seen: datetime
    example_id: int
    example: str
    bots: tuple[str, ...]


@dataclass(frozen=True)
class Counts:
    """How the caller's letters stand; `uncertain` are open sends that may have arrived, part of `open`."""

    open: int
    uncertain: int
    replaying: int


def list_letters(
    platform: Platform, caller: Principal, wanted: LetterFilter, *, before_id: int = 0, limit: int = 50
) -> Sequence[DeadLetter]:
    """The caller's letters that match, newest first, those with an id below `before_id`; at most 201."""
    found = select(DeadLetter).options(LISTED).where(own(caller), *wanted.conditions())
    if before_id:
        found = found.where(DeadLetter.id < before_id)
    with platform.database.reading() as session:
        return session.scalars(found.order_by(DeadLetter.id.desc()).limit(min(limit, MOST_LISTED + 1))).all()


def get_letter(platform: Platform, caller: Principal, letter_id: int) -> DeadLetter:
    """One letter with its attempts. Raises NotFound for anybody else's."""
    with platform.database.transaction() as session:  # an admin's look is written down
        return get_owned(session, caller, DeadLetter, letter_id)


def list_groups(platform: Platform, caller: Principal, wanted: LetterFilter) -> list[Group]:
    """The hundred causes seen last among the letters that match."""
    matching = (own(caller), *wanted.conditions())
    last = func.max(DeadLetter.id)
    rows = (
        select(
            DeadLetter.fingerprint,
            DeadLetter.kind,
            DeadLetter.is_uncertain,
            func.count().label("letters"),
            func.min(DeadLetter.at).label("first_seen"),
            func.max(DeadLetter.at).label("last_seen"),
            last.label("example_id"),
        )
        .where(*matching)
        .group_by(DeadLetter.fingerprint, DeadLetter.kind, DeadLetter.is_uncertain)
        .order_by(last.desc())
        .limit(MOST_GROUPS)
    )
    with platform.database.reading() as session:
        found = session.execute(rows).all()
        examples = _examples(session, [row.example_id for row in found])
        bots = _bots(session, matching, {row.fingerprint for row in found})
    return [
        Group(
            fingerprint=row.fingerprint,
            kind=row.kind,
            is_uncertain=row.is_uncertain,
            count=row.letters,
            first_seen=row.first_seen,
            last_seen=row.last_seen,
            example_id=row.example_id,
            example=examples.get(row.example_id, ""),
            bots=bots.get((row.fingerprint, row.is_uncertain), ()),
        )
        for row in found
    ]


def count_letters(platform: Platform, caller: Principal) -> Counts:
    """How many of the caller's letters wait or are on their way."""
    wanted = (
        select(DeadLetter.state, DeadLetter.is_uncertain, func.count())
        .where(own(caller), DeadLetter.state != DeadLetterState.RESOLVED)
        .group_by(DeadLetter.state, DeadLetter.is_uncertain)
    )
    with platform.database.reading() as session:
        found = {(state, uncertain): number for state, uncertain, number in session.execute(wanted)}
    uncertain = found.get((DeadLetterState.OPEN, True), 0)
    return Counts(
        open=found.get((DeadLetterState.OPEN, False), 0) + uncertain,
        uncertain=uncertain,
        replaying=sum(n for (state, _), n in found.items() if state == DeadLetterState.REPLAYING),
    )


def usernames(platform: Platform, bot_ids: Iterable[int | None]) -> dict[int, str]:
    """Names of bots by id, for showing letters."""
    wanted = {bot_id for bot_id in bot_ids if bot_id is not None}
    with platform.database.reading() as session:
        rows = session.execute(select(Bot.id, Bot.username).where(Bot.id.in_(wanted)))
        return {int(number): str(name) for number, name in rows}


class LetterView(TypedDict):
    """A dead letter in a list. `uncertain`: a send that may have arrived."""

    id: int
    kind: str
    bot_id: int | None
    error_id: str
    error: str
    fingerprint: str
    attempts: int
    uncertain: bool
    state: Annotated[str, one_of(DeadLetterState)]
    replays: int
    resolution: str
    at: Moment
    resolved_at: Moment | None


class AttemptView(TypedDict):
    """A failed attempt; `replay` is the number of the replay that it belongs to, 0 in the first life."""

    at: Moment
    error: Sentence
    replay: int


class LetterWholeView(LetterView):
    """One dead letter with its redacted payload."""

    error_text: str
    payload: dict[str, Any]
    timeline: list[AttemptView]
    can_be_replayed: bool


class GroupView(TypedDict):
    """Dead letters of one cause."""

    fingerprint: str
    kind: str
    uncertain: bool
    count: int
    first_seen: Moment
    last_seen: Moment
    example_id: int
    example: str
    bots: list[str]


def describe(letter: DeadLetter) -> LetterView:
    """The JSON of a letter in a list."""
    return {
        "id": letter.id,
        "kind": letter.kind,
        "bot_id": letter.bot_id,
        "error_id": letter.error_id,
        "error": summary(letter.error),
        "fingerprint": letter.fingerprint,
        "attempts": letter.attempts,
        "uncertain": letter.is_uncertain,
        "state": letter.state,
        "replays": letter.replays,
        "resolution": letter.resolution,
        "at": iso(letter.at),
        "resolved_at": iso(letter.resolved_at),
    }


def describe_whole(letter: DeadLetter) -> LetterWholeView:
    """The JSON of one letter: with its redacted payload, whole error and attempts; never with the original."""
    return {
        **describe(letter),
        "error_text": letter.error,
        "payload": letter.payload,
        "timeline": letter.timeline,
        "can_be_replayed": bool(letter.sealed_payload) or letter.kind == "job",
    }


def describe_group(group: Group) -> GroupView:
    """The JSON of a group."""
    return {
        "fingerprint": group.fingerprint,
        "kind": group.kind,
        "uncertain": group.is_uncertain,
        "count": group.count,
        "first_seen": iso(group.first_seen),
        "last_seen": iso(group.last_seen),
        "example_id": group.example_id,
        "example": group.example,
        "bots": list(group.bots),
    }


def _examples(session: Session, ids: Sequence[int]) -> dict[int, str]:
    rows = session.execute(select(DeadLetter.id, DeadLetter.error).where(DeadLetter.id.in_(ids)))
    return {number: summary(error) for number, error in rows}


def _bots(
    session: Session, matching: tuple[Any, ...], fingerprints: set[str]
) -> dict[tuple[str, bool], tuple[str, ...]]:
    """Usernames of the bots that each cause struck."""
    rows = session.execute(
        select(DeadLetter.fingerprint, DeadLetter.is_uncertain, Bot.username)
        .join(Bot, Bot.id == DeadLetter.bot_id)
        .where(*matching, DeadLetter.fingerprint.in_(fingerprints))
        .distinct()
        .order_by(Bot.username)
    )
    found: dict[tuple[str, bool], tuple[str, ...]] = {}
    for fingerprint, uncertain, username in rows:
        found[fingerprint, uncertain] = (*found.get((fingerprint, uncertain), ()), username)
    return found
