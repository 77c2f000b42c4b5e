"""How much there is of each kind of data, how much of it is too old, and since when it is kept: counted daily, shown at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from redis import RedisError
from typing_extensions import TypedDict

from services.core.answer_types import Moment
from services.core.times import iso, utc_now
from services.operations.retention.expiry import database_bytes
from services.operations.retention.kinds import KINDS, DataKind
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys


class KindView(TypedDict):
    """`days` 0: kept for good. `number` rows (of the access log: files), `due` of them too old; `size` in bytes, null where the database does not say."""

    kind: str
    setting: str
    days: int
    number: int
    due: int
    oldest: Moment | None
    size: int | None


class ReportView(TypedDict):
    """What was counted, and when. `database_size` is that of the whole database in bytes."""

    counted_at: Moment
    database_size: int
    kinds: list[KindView]


def make_report(
    platform: Platform, kinds: Sequence[DataKind] = KINDS, *, now: datetime | None = None
) -> ReportView:
    """Count everything: some seconds with millions of rows. Raises Unavailable."""
    now = now or utc_now()
    with platform.database.reading() as session:
        counted: list[KindView] = []
        for kind in kinds:
            found = kind.store.figures(platform, session, kind.before(platform.settings, now))
            counted.append(
                {
                    "kind": kind.name,
                    "setting": kind.setting,
                    "days": kind.days(platform.settings),
                    "number": found.number,
                    "due": found.due,
                    "oldest": iso(found.oldest),
                    "size": found.size,
                }
            )
        size = database_bytes(session)
    return {"counted_at": iso(now), "database_size": size, "kinds": counted}


def keep_report(platform: Platform, made: ReportView) -> None:
    """Keep it for the page of administrators. Raises RedisError."""
    platform.redis.set(upkeep_keys.retention_report(), json.dumps(made))


def last_report(platform: Platform) -> ReportView | None:
    """What was counted last; None before the first time, or while Redis is away."""
    try:
        kept: Any = platform.redis.get(upkeep_keys.retention_report())
    except RedisError:
        return None
    return json.loads(kept) if kept else None
