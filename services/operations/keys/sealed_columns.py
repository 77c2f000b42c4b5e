"""Every column whose text is sealed, in one place: what is missing here would be lost with the key it was sealed by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Table, select, tuple_, update
from sqlalchemy.orm import Session

from models import (
    Bot,
    BotWorker,
    ChatMessage,
    DeadLetter,
    HandledUpdate,
    NotificationDestination,
    SecondFactor,
)

Key = tuple[Any, ...]  # a row's primary key


@dataclass(frozen=True)
class SealedColumn:
    """One column; an empty text in it means that nothing is kept."""

    table: Table
    column: Column[str]

    @property
    def name(self) -> str:
        """Such as `bots.sealed_token`."""
        return f"{self.table.name}.{self.column.name}"

    def batch(self, session: Session, after: Key | None, limit: int) -> Sequence[tuple[Key, str]]:
        """The next rows that hold something, by primary key, behind `after`."""
        keys = list(self.table.primary_key.columns)
        query = select(*keys, self.column).where(self.column != "").order_by(*keys).limit(limit)
        if after is not None:
            query = query.where(tuple_(*keys) > after)
        return [(tuple(row[:-1]), str(row[-1])) for row in session.execute(query)]

    def swap(self, session: Session, key: Key, old: str, new: str) -> bool:
        """Put `new` where `old` still stands; False when somebody else has written meanwhile."""
        at_row = [column == part for column, part in zip(self.table.primary_key.columns, key, strict=True)]
        statement = update(self.table).where(*at_row, self.column == old)
        done = session.execute(statement.values({self.column.name: new}).returning(self.column))
        return done.first() is not None


def _column(model: Any, name: str) -> SealedColumn:
    return SealedColumn(model.__table__, model.__table__.c[name])


SEALED_COLUMNS: Final = (
    _column(SecondFactor, "sealed_secret"),
    _column(Bot, "sealed_token"),
    _column(BotWorker, "sealed_environment"),
    _column(BotWorker, "sealed_token"),
    _column(BotWorker, "sealed_webhook_url"),
    _column(BotWorker, "sealed_webhook_secret"),
    _column(NotificationDestination, "sealed_config"),
    _column(DeadLetter, "sealed_payload"),
    _column(HandledUpdate, "sealed_outcome"),
    _column(ChatMessage, "sealed_text"),
)
