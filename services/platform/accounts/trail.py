"""The audit trail as a chain per account: each entry carries the SHA-256 of the one before it and of itself.

Entries are noted while a transaction works and written as it commits: the lock of an account's chain is the last one that
is taken and held for two statements, so that two processes number their entries one after the other and never deadlock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, UOWTransaction

from models import AuditChain, AuditEvent
from services.platform.accounts.changes import Changes

NOTED: Final = "audit entries"  # in `Session.info`
SEEN: Final = "audited changes"
INSERT: Final[Mapping[str, Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def note(session: Session, entry: AuditEvent) -> None:
    """Have `entry` written when the session commits; a transaction that is rolled back leaves none."""
    session.info.setdefault(NOTED, []).append(entry)


def entry_hash(former: str, entry: AuditEvent) -> str:
    """What an entry behind one with the hash `former` ("" for the first) must carry."""
    content = [
        former,
        entry.account_id,
        entry.sequence,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.kind,
        entry.bot_id,
        entry.pool_id,
        entry.ip,
        entry.details,
        entry.changes,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def lock_chain(session: Session, account_id: int) -> AuditChain:
    """The account's chain, nobody else's until the transaction ends; made where there is none."""
    insert = INSERT[session.get_bind().dialect.name](AuditChain)
    empty = {"sequence": 0, "hash": "", "anchor_sequence": 0, "anchor_hash": ""}
    mine = (
        select(AuditChain)
        .where(AuditChain.account_id == account_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    chain = session.scalar(mine)
    if chain is None:  # another process may make it in this moment
        session.execute(insert.values(account_id=account_id, **empty).on_conflict_do_nothing())
        chain = session.scalars(mine).one()
    return chain


@event.listens_for(Session, "after_flush")
def _see(session: Session, _flushed: UOWTransaction) -> None:
    """Remember what fields were, before the flush makes them the database's."""
    if session.new or session.dirty or session.deleted:
        session.info.setdefault(SEEN, Changes()).see(session)


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Put the noted entries behind the ends of their chains, account by account in order of their ids."""
    if not session.info.get(NOTED):
        return
    session.flush()
    entries: list[AuditEvent] = session.info.pop(NOTED)
    session.info.pop(SEEN, Changes()).attach(entries)
    entries.sort(key=attrgetter("account_id"))
    for account_id, own in groupby(entries, key=attrgetter("account_id")):
        chain = lock_chain(session, account_id)
        for entry in own:
            entry.details, entry.changes = _as_read(entry.details), _as_read(entry.changes)
            _link(chain, entry)
            session.add(entry)


def chain_left_entries(session: Session, account_id: int, limit: int) -> int:
    """Put entries behind the account's chain that processes of a release without chains have written; how many."""
    chain = lock_chain(session, account_id)
    left = (
        select(AuditEvent)
        .where(AuditEvent.account_id == account_id, AuditEvent.sequence.is_(None))
        .order_by(AuditEvent.id)
        .limit(limit)
    )
    entries = session.scalars(left).all()
    for entry in entries:
        _link(chain, entry)
    return len(entries)


def _link(chain: AuditChain, entry: AuditEvent) -> None:
    entry.sequence = chain.sequence + 1
    entry.hash = entry_hash(chain.hash, entry)
    chain.sequence, chain.hash = entry.sequence, entry.hash


def _as_read(value: Any) -> Any:
    """`value` as it will come back from a column of JSON, so that its hash is the same then."""
    return json.loads(json.dumps(value))
