"""Counters that outlive the clicks: by hour and bot, and by hour and source, campaign, ad, country or device.

Written by the flusher in the transaction of the rows they count, so each click counts once. A start arrives in some
other transaction: that one only leaves a `BoundStart`, which the flusher adds here, so that no two processes ever wait
for each other over one hot counter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models import BoundStart, Click, ClickBreakdown, ClickRollup, DailyVisitor, PoolBot
from services.core.times import day_of, hour_of
from services.fleet.experiments.visitors import note_starts
from services.platform.database import insert_of
from services.traffic.clicks.source import ad_of, campaign_of, path_of
from services.traffic.postbacks.planning import plan_starts

SOURCES_PER_HOUR: Final = 200  # kept apart per pool and hour: anybody can invent a utm_source
INVENTED: Final = ("source", "campaign", "ad")  # what anybody writes into an address
OTHER: Final = "(other)"
STARTS_PER_BATCH: Final = 1000
CLICKS, UNCOUNTED, VISITORS, STARTS = "clicks", "uncounted", "visitors", "starts"


class Counted(Protocol):
    """What the rollups read of a click, be it on its way in or a row."""

    @property
    def pool_id(self) -> int: ...
    @property
    def bot_id(self) -> int | None: ...
    @property
    def at(self) -> datetime: ...
    @property
    def source(self) -> str: ...
    @property
    def params(self) -> Mapping[str, Any]: ...
    @property
    def country(self) -> str: ...
    @property
    def device(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Tally:
    """Figures to be added: by (pool, bot, hour), and by (pool, dimension, hour, value)."""

    by_bot: Counter[tuple[tuple[int, int, datetime], str]]
    by_value: Counter[tuple[tuple[int, str, datetime, str], str]]

    @classmethod
    def empty(cls) -> Tally:
        """Nothing counted yet."""
        return cls(Counter(), Counter())

    def add(self, click: Counted, figure: str) -> None:
        """Count `click` under `figure`."""
        self.add_to_bot(click, figure, 1)
        hour = hour_of(click.at)
        if figure != UNCOUNTED:
            for dimension, value in dimensions(click).items():
                self.by_value[(click.pool_id, dimension, hour, value), figure] += 1

    def add_to_bot(self, click: Counted, figure: str, by: int) -> None:
        """Count `click` under `figure` for its bot alone, `by` times; fewer than none takes back."""
        self.by_bot[(click.pool_id, click.bot_id or 0, hour_of(click.at)), figure] += by


def dimensions(click: Counted) -> dict[str, str]:
    """What a click is broken down by. A campaign stands below its source and an ad below its campaign: paths."""
    campaign = (click.source, campaign_of(click.params))
    return {
        "source": click.source,
        "campaign": path_of(*campaign),
        "ad": path_of(*campaign, ad_of(click.params)),
        "country": click.country,
        "device": click.device,
    }


def roll_up(session: Session, rows: Sequence[Any]) -> None:
    """Add new clicks (`ClickRow`s) to the rollups, in the caller's transaction."""
    tally = Tally.empty()
    first = _first_visits(session, rows)
    for row in rows:
        tally.add(row, CLICKS if row.counted else UNCOUNTED)
        if row.id in first:
            tally.add(row, VISITORS)
    add(session, tally)


def fold_starts(session: Session) -> int:
    """Add the starts that were bound since the last time; how many. Exactly once: who deletes the mark counts it."""
    waiting = select(BoundStart.click_id).limit(STARTS_PER_BATCH)
    taken = session.scalars(
        delete(BoundStart)
        .where(BoundStart.click_id.in_(waiting))
        .returning(BoundStart.click_id)
        .execution_options(synchronize_session=False)
    ).all()
    if not taken:
        return 0
    tally = Tally.empty()
    columns = (Click.pool_id, Click.bot_id, Click.at, Click.source, Click.params, Click.country, Click.device)
    for row in session.execute(select(*columns).where(Click.id.in_(taken), Click.counted)):
        tally.add(row, STARTS)
    add(session, tally)
    note_starts(session, taken)
    plan_starts(session, taken)
    return len(taken)


def add(session: Session, tally: Tally) -> None:
    """Add all figures of a tally to the tables, two statements and one look."""
    _upsert(session, ClickRollup, ("pool_id", "bot_id", "hour"), tally.by_bot)
    known = _known_values(session, tally.by_value)
    by_value: Counter[tuple[tuple[int, str, datetime, str], str]] = Counter()
    for ((pool_id, dimension, hour, value), figure), count in sorted(tally.by_value.items()):
        if dimension in INVENTED:
            value = _kept(known.setdefault((pool_id, dimension, hour), set()), value)
        by_value[(pool_id, dimension, hour, value), figure] += count
    _upsert(session, ClickBreakdown, ("pool_id", "dimension", "hour", "value"), by_value)


def add_to_members(session: Session, counts: Mapping[tuple[int, int], int]) -> None:
    """Add to the totals of members, by pool and bot."""
    for (pool_id, bot_id), count in sorted(counts.items()):
        session.execute(
            update(PoolBot)
            .where(PoolBot.pool_id == pool_id, PoolBot.bot_id == bot_id)
            .values(total_redirects=PoolBot.total_redirects + count)
        )


def _first_visits(session: Session, rows: Iterable[Any]) -> set[str]:
    """Ids of the counted clicks that are their visitor's first of the UTC day in the pool."""
    first: dict[tuple[datetime, int, str], str] = {}
    for row in rows:
        if row.counted and row.unique_hash:
            first.setdefault((day_of(row.at), row.pool_id, row.unique_hash), row.id)
    if not first:
        return set()
    columns = (DailyVisitor.day, DailyVisitor.pool_id, DailyVisitor.unique_hash)
    statement = insert_of(session, DailyVisitor).on_conflict_do_nothing().returning(*columns)
    names = ("day", "pool_id", "unique_hash")
    values = [dict(zip(names, key, strict=True)) for key in sorted(first)]
    return {first[day, pool_id, seen] for day, pool_id, seen in session.execute(statement, values)}


def _known_values(session: Session, counts: Collection[Any]) -> dict[tuple[int, str, datetime], set[str]]:
    """The invented values that are kept apart already, by pool, dimension and hour."""
    wanted = {(key[0], key[2]) for key, _ in counts if key[1] in INVENTED}
    query = select(
        ClickBreakdown.pool_id, ClickBreakdown.dimension, ClickBreakdown.hour, ClickBreakdown.value
    )
    query = query.where(
        ClickBreakdown.pool_id.in_({pool_id for pool_id, _ in wanted}),
        ClickBreakdown.dimension.in_(INVENTED),
        ClickBreakdown.hour.in_({hour for _, hour in wanted}),
    )
    known: dict[tuple[int, str, datetime], set[str]] = {}
    if wanted:
        for pool_id, dimension, hour, value in session.execute(query):
            known.setdefault((pool_id, dimension, hour), set()).add(value)
    return known


def _kept(known: set[str], value: str) -> str:
    if value in known:
        return value
    if len(known) >= SOURCES_PER_HOUR:
        return OTHER
    known.add(value)
    return value


def _upsert(
    session: Session, table: type[Any], key: Sequence[str], counts: Mapping[tuple[Any, str], int]
) -> None:
    figures = sorted({figure for _, figure in counts})
    merged: dict[Any, dict[str, int]] = {}
    for (identity, figure), count in counts.items():
        merged.setdefault(identity, dict.fromkeys(figures, 0))[figure] = count
    if not merged:
        return
    # In order of the key, as every writer does: two of them never wait for each other crosswise.
    values = [{**dict(zip(key, identity, strict=True)), **merged[identity]} for identity in sorted(merged)]
    statement = insert_of(session, table)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=list(key),
            set_={figure: getattr(table, figure) + getattr(statement.excluded, figure) for figure in figures},
        ),
        values,
    )
