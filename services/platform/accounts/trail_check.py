"""Whether the audit trail is whole: every entry behind the one that its hash says, from the anchor to the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Account, AuditChain, AuditEvent
from services.core.i18n import Text
from services.platform.accounts.trail import entry_hash
from services.platform.platform import Platform

BATCH: Final = 2000  # entries in memory at once


@dataclass(frozen=True)
class End:
    """An end of an account's trail, to be kept where whoever writes into the database cannot reach it."""

    account_id: int
    sequence: int
    hash: str


@dataclass(frozen=True)
class Broken:
    """The first entry of an account's trail that is not what was written."""

    account_id: int
    sequence: int
    reason: Text


@dataclass(frozen=True)
class TrailCheck:
    """What a check found; `ends` are those of the trails that are whole."""

    entries: int
    ends: tuple[End, ...]
    broken: tuple[Broken, ...]


def check_trail(platform: Platform, known: Mapping[int, End] | None = None) -> TrailCheck:
    """Read the trails of all accounts; `known` are ends noted before, by account, which must still lie in them.

    What is written meanwhile is seen whole or not at all.
    """
    entries, ends, broken = 0, [], []
    with platform.database.reading() as session:
        if not platform.database.is_sqlite:  # whose readers see one moment anyway
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        for account_id in session.scalars(select(Account.id).order_by(Account.id)).all():
            walk = _Walk(session, account_id, (known or {}).get(account_id))
            fault = walk.fault()
            entries += walk.read
            if fault is None:
                ends.append(End(account_id, walk.sequence, walk.hash))
            else:
                broken.append(fault)
    return TrailCheck(entries, tuple(ends), tuple(broken))


class _Walk:
    """One account's trail, read from its anchor on."""

    def __init__(self, session: Session, account_id: int, known: End | None) -> None:
        self._session = session
        self._account_id = account_id
        self._known = known
        self.read, self.sequence, self.hash = 0, 0, ""

    def fault(self) -> Broken | None:
        """The first thing that is wrong; None when all is as it was written."""
        chain = self._session.get(AuditChain, self._account_id)
        if chain is None:  # making the account was its first entry
            return self._broken(1, Text("The account has no trail"))
        self.sequence, self.hash = chain.anchor_sequence, chain.anchor_hash
        for entry in self._entries(chain):
            wrong = self._wrong(entry)
            if wrong is not None:
                return wrong
        if (self.sequence, self.hash) != (chain.sequence, chain.hash):
            return self._broken(self.sequence + 1, Text("The last entries are missing"))
        if self._known is not None and self._known.sequence > self.sequence:
            return self._broken(self.sequence + 1, Text("The trail ends before a place that was noted"))
        return None

    def _wrong(self, entry: AuditEvent) -> Broken | None:
        expected = self.sequence + 1
        if entry.sequence != expected:
            return self._broken(expected, Text("The entry is missing"))
        if entry.hash != entry_hash(self.hash, entry):
            return self._broken(expected, Text("The entry is not what was written"))
        noted = self._known
        if noted is not None and noted.sequence == expected and noted.hash != entry.hash:
            return self._broken(expected, Text("The entry has another hash than was noted"))
        self.read, self.sequence, self.hash = self.read + 1, expected, entry.hash
        return None

    def _entries(self, chain: AuditChain) -> Iterator[AuditEvent]:
        after = chain.anchor_sequence
        while True:
            entries = self._session.scalars(
                select(AuditEvent)
                .where(AuditEvent.account_id == self._account_id, AuditEvent.sequence > after)
                .order_by(AuditEvent.sequence)
                .limit(BATCH)
            ).all()
            yield from entries
            if len(entries) < BATCH:
                return
            after = entries[-1].sequence
            self._session.expunge_all()

    def _broken(self, sequence: int, reason: Text) -> Broken:
        return Broken(self._account_id, sequence, reason)
