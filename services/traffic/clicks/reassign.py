"""Where the visitor was really sent, when Redis says otherwise.

A call that times out may have run all the same: its entry stands in the stream under the bot that Redis drew, while the
visitor was sent on by the process alone, maybe to another bot. That answer is in the spool, and it is what holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Click
from services.core.times import day_of
from services.traffic.clicks.rollups import CLICKS, UNCOUNTED, VISITORS, Tally, add, add_to_members
from services.traffic.clicks.rows import ClickRow


def dedupe(rows: Iterable[ClickRow]) -> list[ClickRow]:
    """The rows of a batch, one per click: of two copies the replay's bot and the limit that Redis counted hold."""
    kept: dict[str, ClickRow] = {}
    for row in rows:
        known = kept.get(row.id)
        if known is not None and known.replayed != row.replayed:
            drawn, answered = (known, row) if row.replayed else (row, known)
            row = _answered(drawn, answered)
        kept[row.id] = row
    return list(kept.values())


def _answered(drawn: ClickRow, answered: ClickRow) -> ClickRow:
    return replace(drawn, bot_id=answered.bot_id, position=answered.position, replayed=True)


def reassign(session: Session, rows: Sequence[ClickRow]) -> list[str]:
    """Bring stored clicks to the bot that these replayed rows name, rollups and totals with them; ids of those changed.

    A click that a start has bound already is right: only the answered bot can have received its token.
    """
    answers = {row.id: row for row in rows}
    query = select(Click).where(Click.id.in_(answers), Click.lead_id.is_(None))
    stored = session.scalars(query.order_by(Click.id).with_for_update()).all()
    wrong = [click for click in stored if click.bot_id != answers[click.id].bot_id]
    if not wrong:
        return []
    first = _first_of_the_day(session, wrong)
    tally, totals = Tally.empty(), Counter[tuple[int, int]]()
    for click in wrong:
        figures = [CLICKS] if click.counted else [UNCOUNTED]
        figures += [VISITORS] if click.id in first else []
        _move(tally, totals, click, figures, -1)
        click.bot_id, click.position = answers[click.id].bot_id, answers[click.id].position
        _move(tally, totals, click, figures, 1)
    session.flush()
    add(session, tally)
    add_to_members(session, totals)
    return [click.id for click in wrong]


def _move(
    tally: Tally, totals: Counter[tuple[int, int]], click: Click, figures: Sequence[str], by: int
) -> None:
    for figure in figures:
        tally.add_to_bot(click, figure, by)
    if click.counted and click.bot_id is not None:
        totals[click.pool_id, click.bot_id] += by


def _first_of_the_day(session: Session, clicks: Sequence[Click]) -> set[str]:
    """Ids of those that are their visitor's first counted click of the day in the pool, as `recount` sees it."""
    hashes = {click.unique_hash for click in clicks if click.counted and click.unique_hash}
    if not hashes:
        return set()
    days = sorted({day_of(click.at) for click in clicks})
    query = select(Click.id, Click.pool_id, Click.at, Click.unique_hash).where(
        Click.pool_id.in_({click.pool_id for click in clicks}),
        Click.at >= days[0],
        Click.at < days[-1] + timedelta(days=1),
        Click.unique_hash.in_(hashes),
        Click.counted,
    )
    first: dict[tuple[int, object, str], str] = {}
    for row in session.execute(query.order_by(Click.at, Click.id)):
        first.setdefault((row.pool_id, day_of(row.at), row.unique_hash), row.id)
    return set(first.values()) & {click.id for click in clicks}
