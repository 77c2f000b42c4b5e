"""Amounts into the table of costs: a row of the same day and names is replaced by the later one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Spend, SpendImport
from services.platform.database import among, insert_of
from services.traffic.spend.fields import SpendKey
from services.traffic.spend.reading import Cost

KEY: Final = (Spend.day, Spend.source, Spend.campaign, Spend.ad)
AT_ONCE: Final = (
    250  # rows of a transaction: some ten milliseconds, for which replies of the same process wait
)


def write_costs(session: Session, owner: SpendImport, costs: Sequence[Cost]) -> int:
    """Write rows of an import in the caller's transaction; how many of them stood there with another amount.

    In order of their keys, so that two writers never wait for each other crosswise. At most `AT_ONCE` rows.
    """
    if not costs:
        return 0
    ordered = sorted(costs, key=lambda cost: cost.key)
    former = _present(session, owner.account_id, (cost.key for cost in ordered))
    replaced = sum(
        former.get(cost.key, (cost.micros, cost.currency)) != (cost.micros, cost.currency) for cost in ordered
    )
    statement = insert_of(session, Spend)
    values = [
        {
            "account_id": owner.account_id,
            **cost.key._asdict(),
            "amount_micros": cost.micros,
            "currency": cost.currency,
            "import_id": owner.id,
        }
        for cost in ordered
    ]
    changed = ("amount_micros", "currency", "import_id")
    statement = statement.on_conflict_do_update(
        index_elements=["account_id", *SpendKey._fields],
        set_={name: getattr(statement.excluded, name) for name in changed},
    )
    session.execute(statement, values)
    return replaced


def _present(session: Session, account_id: int, keys: Iterable[SpendKey]) -> dict[SpendKey, tuple[int, str]]:
    mine = among(session, (Spend.account_id, *KEY), [(account_id, *key) for key in keys])
    query = select(*KEY, Spend.amount_micros, Spend.currency).where(mine)
    return {SpendKey(*row[:4]): (row[4], row[5]) for row in session.execute(query)}
