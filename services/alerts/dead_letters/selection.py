"""Which dead letters are meant: a filter, or ids picked by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, or_

from models import DeadLetter, DeadLetterState
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.platform.accounts.principal import Principal

MOST_IDS = 500


@dataclass(frozen=True)
class LetterFilter:
    """Conditions joined by "and"; what is left out matches everything. `since` is inclusive, `before` is not."""

    kind: str = ""
    bot_id: int | None = None
    fingerprint: str = ""
    state: str = ""
    is_uncertain: bool | None = None
    since: datetime | None = None
    before: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for the database."""
        equal = {
            DeadLetter.kind: self.kind,
            DeadLetter.bot_id: self.bot_id,
            DeadLetter.fingerprint: self.fingerprint,
            DeadLetter.state: self.state,
            DeadLetter.is_uncertain: self.is_uncertain,
        }
        wanted = [column == value for column, value in equal.items() if value not in (None, "")]
        if self.since is not None:
            wanted.append(DeadLetter.at >= self.since)
        if self.before is not None:
            wanted.append(DeadLetter.at < self.before)
        return wanted


@dataclass(frozen=True)
class Selection:
    """Either `ids` or all that match `filter`."""

    ids: tuple[int, ...] = ()
    filter: LetterFilter | None = None

    def __post_init__(self) -> None:
        if bool(self.ids) == (self.filter is not None):
            raise InvalidInput("Give either ids or a filter", code="ids_or_filter", field="ids")
        if len(self.ids) > MOST_IDS:
            raise InvalidInput(Text("At most {most} ids; use a filter for more", most=MOST_IDS), field="ids")

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for the database."""
        return self.filter.conditions() if self.filter else [DeadLetter.id.in_(self.ids)]


def own(caller: Principal) -> ColumnElement[bool]:
    """The caller's letters; an admin's include those of nobody, such as failed jobs of the installation."""
    nobodys = DeadLetter.account_id.is_(None) if caller.is_admin else false()
    return or_(DeadLetter.account_id == caller.account_id, nobodys)


def is_open() -> ColumnElement[bool]:
    """Waiting for somebody's decision."""
    return DeadLetter.state == DeadLetterState.OPEN


def can_be_replayed() -> ColumnElement[bool]:
    """Its original is kept, or it is a job, which is its own original. A broken body has nothing to replay."""
    original = DeadLetter.sealed_payload != ""
    return or_(DeadLetter.kind == "job", and_(DeadLetter.kind.in_(("update", "send")), original))
