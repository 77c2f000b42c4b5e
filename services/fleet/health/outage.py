"""An outage from its first held sweep to the first sound one: one alarm, one all-clear."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.fleet.health.breaker import CheckOutcome, Health
from services.platform.platform import Platform

Outage = dict[str, Any]  # {"since": epoch seconds, "accounts": ids told of it}; kept in the sweep report


def follow_outage(
    platform: Platform,
    before: Outage | None,
    outcomes: Mapping[int, CheckOutcome],
    *,
    held: bool,
    at: float,
) -> Outage | None:
    """The outage going on after a sweep with `outcomes`, or None. Tells the owners of its begin and its end once."""
    if not outcomes or held == (before is not None):
        return before  # a sweep without checks proves nothing
    with platform.database.transaction() as session:
        if before is not None:
            _tell(session, Kind.OUTAGE_OVER, before["accounts"], float(before["since"]), {})
            return None
        verdicts = [outcome.verdict for outcome in outcomes.values()]
        accounts = sorted(set(session.scalars(select(Bot.account_id).where(Bot.id.in_(outcomes)))))
        numbers = {"failed": verdicts.count(Health.TRANSIENT), "checked": len(verdicts)}
        _tell(session, Kind.OUTAGE, accounts, at, numbers)
        return {"since": at, "accounts": accounts}


def _tell(
    session: Session, kind: Kind, accounts: Collection[int], since: float, params: Mapping[str, Any]
) -> None:
    for account_id in accounts:
        notify(session, account_id, kind, kind.level, f"{kind}:{account_id}:{since:.0f}", params)
