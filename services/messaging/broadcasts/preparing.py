"""Writing a broadcast's ledger: everybody who is to get it, before anybody does. A slice is one statement and one commit."""

from __future__ import annotations

import logging
from typing import Any, Final

from sqlalchemy import ColumnElement, Insert, Select, func, literal, select
from sqlalchemy.orm import Session

from models import Broadcast, BroadcastKind, BroadcastRecipient, BroadcastStatus, Lead, RecipientStatus
from services.core.times import utc_now
from services.messaging.broadcasts.moving import move
from services.messaging.broadcasts.recipients import EVERYBODY, choose
from services.messaging.broadcasts.telling import tell_of_end
from services.platform.database import insert_of
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
SLICE: Final = 10_000  # rows looked at: SQLite's one writer is busy with them for some tenths of a second
COLUMNS: Final = ("broadcast_id", "telegram_id", "bot_id", "variant", "message_id")


def prepare_slice(platform: Platform, broadcast_id: int, *, size: int = SLICE) -> bool:
    """Write the next slice of the ledger; False when nothing is left to write. After a crash the next one goes on behind it.

    The last slice has the broadcast run, or ends it where nobody is to get it.
    """
    with platform.database.transaction() as session:
        broadcast = session.get(Broadcast, broadcast_id, with_for_update=True)
        if broadcast is None or broadcast.status != BroadcastStatus.PREPARING:
            return False
        until = session.scalar(_end_of_slice(broadcast, size))
        last = until is None
        between = (broadcast.prepared_to, EVERYBODY[1] if until is None else until)
        session.execute(_insert(session, broadcast, between))
        broadcast.prepared_to = between[1]
        broadcast.recipients += session.scalar(_number(broadcast, between)) or 0
        if last:
            _begin(session, broadcast)
    return not last


def _begin(session: Session, broadcast: Broadcast) -> None:
    if broadcast.recipients:
        move(broadcast, BroadcastStatus.RUNNING)
        broadcast.started_at = utc_now()
    else:
        move(broadcast, BroadcastStatus.DONE, "nobody")
        tell_of_end(session, broadcast)
    logger.info("broadcast %d is prepared", broadcast.id, extra={"recipients": broadcast.recipients})


def _end_of_slice(broadcast: Broadcast, size: int) -> Select[int]:
    """The last person of the slice; nobody where fewer than a slice are left."""
    if broadcast.kind == BroadcastKind.SEND:
        person: Any = Lead.telegram_id
        mine: ColumnElement[bool] = Lead.account_id == broadcast.account_id
    else:
        person, mine = BroadcastRecipient.telegram_id, BroadcastRecipient.broadcast_id == broadcast.parent_id
    return (
        select(person).where(mine, person > broadcast.prepared_to).order_by(person).offset(size - 1).limit(1)
    )


def _number(broadcast: Broadcast, between: tuple[int, int]) -> Select[int]:
    """How many rows of the slice there are: PostgreSQL does not say how many a statement wrote."""
    row = BroadcastRecipient
    return select(func.count()).where(
        row.broadcast_id == broadcast.id, row.telegram_id > between[0], row.telegram_id <= between[1]
    )


def _insert(session: Session, broadcast: Broadcast, between: tuple[int, int]) -> Insert:
    chosen = choose(broadcast, between).subquery()
    rows = select(
        *(chosen.c[name] for name in COLUMNS),
        literal(str(RecipientStatus.WAITING)),
        literal(""),
    ).where(chosen.c.telegram_id > between[0])  # SQLite takes ON CONFLICT behind a WHERE only
    insert: Insert = insert_of(session, BroadcastRecipient).from_select([*COLUMNS, "status", "cause"], rows)
    return insert.on_conflict_do_nothing()  # type: ignore[attr-defined,no-any-return]
