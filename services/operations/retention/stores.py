"""Kinds of data that are deleted in a way of their own."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Account, AuditEvent, StoredFile
from services.core.times import day_of
from services.messaging.broadcasts.removal import delete_before
from services.messaging.files.sweep import delete_files_before
from services.operations.personal_data.silent_leads import erase_silent_leads
from services.operations.retention.expiry import BATCH, PAUSE_SECONDS, ExpiringRows, Figures, table_bytes
from services.platform.accounts.trail import chain_left_entries
from services.platform.accounts.trail_retention import delete_old_entries
from services.platform.platform import Platform
from services.traffic.clicks.access_log import access_folder, delete_old, log_files


class VisitorHashes(ExpiringRows):
    """Whole days: they are kept by the day."""

    def delete(self, platform: Platform, before: datetime, deadline: float) -> int:
        return super().delete(platform, day_of(before), deadline)


class SilentLeads(ExpiringRows):
    """Somebody goes with everything that is kept of them there."""

    def delete(self, platform: Platform, before: datetime, deadline: float) -> int:
        return erase_silent_leads(platform, before, deadline)


class TrailEntries(ExpiringRows):
    """Entries go from the beginning of their chains."""

    def delete(self, platform: Platform, before: datetime, deadline: float) -> int:
        _chain_what_is_left(platform)
        with platform.database.reading() as session:
            old = select(AuditEvent.account_id).where(AuditEvent.at < before)
            accounts = session.scalars(
                select(Account.id).where(Account.id.in_(old)).order_by(Account.id)
            ).all()
        deleted = 0
        for account_id in accounts:
            while time.monotonic() < deadline:
                done = delete_old_entries(platform, before, account_id, BATCH)
                deleted += done
                if not done:
                    break
                time.sleep(PAUSE_SECONDS)
        return deleted


def _chain_what_is_left(platform: Platform) -> None:
    with platform.database.transaction() as session:
        left = select(AuditEvent.account_id).where(
            AuditEvent.sequence.is_(None), AuditEvent.account_id.is_not(None)
        )
        for account_id in session.scalars(left.distinct().order_by(AuditEvent.account_id)).all():
            chain_left_entries(session, account_id or 0, BATCH)


class PeoplesFiles(ExpiringRows):
    """The rows go here, and the files, which have none then, with the sweep of all files at the end of the run."""

    def delete(self, platform: Platform, before: datetime, deadline: float) -> int:
        return delete_files_before(platform, before)

    def figures(self, platform: Platform, session: Session, before: datetime | None) -> Figures:
        found = super().figures(platform, session, before)
        content = session.scalar(select(func.sum(StoredFile.size))) or 0
        rows = table_bytes(session, StoredFile.__tablename__)
        return Figures(found.number, found.due, found.oldest, content + (rows or 0))


class Broadcasts(ExpiringRows):
    """With their ledgers, which may have a million rows each."""

    def delete(self, platform: Platform, before: datetime, deadline: float) -> int:
        return delete_before(platform, before, deadline)


class AccessLogFiles:
    """Files of this machine, one per day and process."""

    def delete(self, platform: Platform, before: datetime, deadline: float) -> int:
        """As `delete_old`, which the web processes do too, each on its machine."""
        return delete_old(access_folder(platform.settings.data_dir), before.date())

    def figures(self, platform: Platform, session: Session, before: datetime | None) -> Figures:
        """Of the files on this machine."""
        files = log_files(access_folder(platform.settings.data_dir))
        due = [] if before is None else [file for file in files if file.name[:10] < before.date().isoformat()]
        oldest = datetime.fromisoformat(files[0].name[:10]).replace(tzinfo=UTC) if files else None
        return Figures(len(files), len(due), oldest, sum(file.stat().st_size for file in files))
