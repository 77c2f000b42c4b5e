"""Telling the owner what became of a broadcast."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models import Broadcast
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.core.states import BroadcastStatus
from services.core.times import utc_now

COUNTED = ("sent", "blocked", "failed", "skipped", "uncertain")


def tell_of_end(session: Session, broadcast: Broadcast) -> None:
    """Add the notification that it is done, or that its brake stopped it, to the caller's transaction."""
    numbers = {name: int(broadcast.counts.get(name, 0)) for name in COUNTED}
    params: dict[str, object] = {"broadcast": broadcast.id, "name": broadcast.name}
    if broadcast.status == BroadcastStatus.BRAKED:
        kind = Kind.BROADCAST_BRAKED
        left = max(0, broadcast.recipients - sum(numbers.values()))
        params |= {"sent": numbers["sent"], "left": left}
    else:
        kind = Kind.BROADCAST_DONE
        params |= numbers
    key = f"{kind}:{broadcast.id}:{utc_now():%Y-%m-%dT%H:%M:%S.%f}"  # a brake may trip more than once
    notify(session, broadcast.account_id, kind, kind.level, key, params, subject=str(broadcast.id))
