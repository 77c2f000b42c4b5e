"""Who took part in an experiment: each visitor once, whatever the number of clicks.

The visitor is what is split, so the visitor is what rates are made of: clicks of one person are not independent, and
intervals over them would be too narrow. Written by the flusher in the transaction of the clicks, like the rollups.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import Click, Experiment, ExperimentVisitor
from services.platform.database import insert_of


def note_visitors(session: Session, rows: Iterable[Any]) -> None:
    """Add the counted clicks (`ClickRow`s) of experiments that still exist, in the caller's transaction."""
    met: dict[tuple[int, str], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row.at, row.id)):
        if not (row.counted and row.experiment_id and row.visitor):
            continue
        key = (row.experiment_id, row.visitor)
        seen = met.setdefault(key, {"pool_id": row.pool_id, "clicks": 0, "first_at": row.at})
        seen["clicks"] += 1
    if not met:
        return
    # Locked against deletion until the commit (PostgreSQL; SQLite has one writer).
    asked = select(Experiment.id).where(Experiment.id.in_({experiment_id for experiment_id, _ in met}))
    there = set(session.scalars(asked.order_by(Experiment.id).with_for_update(read=True, key_share=True)))
    values = [
        {"experiment_id": key[0], "visitor": key[1], **met[key]} for key in sorted(met) if key[0] in there
    ]
    if values:
        statement = insert_of(session, ExperimentVisitor)
        clicks = ExperimentVisitor.clicks + statement.excluded.clicks
        keys = ["experiment_id", "visitor"]
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_={"clicks": clicks}), values)


def note_starts(session: Session, click_ids: Collection[str]) -> None:
    """Note that these counted clicks became starts; the first start of a visitor stands."""
    columns = (Click.experiment_id, Click.visitor, Click.lead_id, Click.started_at)
    started = select(*columns).where(
        Click.id.in_(click_ids), Click.counted, Click.experiment_id.is_not(None), Click.visitor != ""
    )
    for row in session.execute(started.order_by(Click.started_at, Click.id)).all():
        session.execute(
            update(ExperimentVisitor)
            .where(
                ExperimentVisitor.experiment_id == row.experiment_id,
                ExperimentVisitor.visitor == row.visitor,
                ExperimentVisitor.started_at.is_(None),
            )
            .values(lead_id=row.lead_id, started_at=row.started_at)
            .execution_options(synchronize_session=False)
        )
