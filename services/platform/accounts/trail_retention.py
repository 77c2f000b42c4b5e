"""Old entries of the audit trail are deleted from the beginning of each chain; its anchor keeps the hash of the last of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models import AuditChain, AuditEvent
from services.platform.accounts.trail import lock_chain
from services.platform.platform import Platform


def delete_old_entries(platform: Platform, before: datetime, account_id: int, limit: int) -> int:
    """Delete at most `limit` of the account's oldest entries, those from before `before`, in one transaction; how many."""
    with platform.database.transaction() as session:
        chain = lock_chain(session, account_id)
        last = min(_last_old(session, chain, before), chain.anchor_sequence + limit)
        if last <= chain.anchor_sequence:
            return 0
        of_account = AuditEvent.account_id == account_id
        deleted = last - chain.anchor_sequence
        chain.anchor_hash = session.scalars(
            select(AuditEvent.hash).where(of_account, AuditEvent.sequence == last)
        ).one()
        chain.anchor_sequence = last
        session.flush()  # the trigger lets go what the anchor stands for
        session.execute(delete(AuditEvent).where(of_account, AuditEvent.sequence <= last))
    return deleted


def _last_old(session: Session, chain: AuditChain, before: datetime) -> int:
    """The last entry in front of the first that is young enough to stay."""
    young = select(func.min(AuditEvent.sequence)).where(
        AuditEvent.account_id == chain.account_id, AuditEvent.at >= before
    )
    first = session.scalar(young)
    return chain.sequence if first is None else first - 1
