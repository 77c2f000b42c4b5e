"""What an entry of the click stream says, as the row it becomes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import Audience
from services.core.times import from_epoch
from services.fleet.pools.strategies import turn
from services.traffic.clicks.source import source_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClickRow:
    """A click on its way into the database; `bot_id` None means that a fallback address or nobody answered."""

    id: str
    at: datetime
    pool_id: int
    bot_id: int | None
    visitor: str
    unique_hash: str
    country: str
    device: str
    language: str
    referrer_host: str
    params: dict[str, Any]
    audience: str
    over_limit: bool
    reason: str
    candidates: str
    position: int | None
    source: str
    # what sent the click to `pool_id`; None when it is the pool of the link itself
    link_pool_id: int | None = None
    experiment_id: int | None = None
    rule_id: int | None = None

    account_id: int | None = None  # whose link it was; None in entries of a former release
    replayed: bool = False  # from the spool: its bot is where the visitor was sent

    @property
    def counted(self) -> bool:
        """Whether it counts: a person's, within the limit."""
        return self.audience == Audience.HUMAN and not self.over_limit


def parse_entry(identity: str, fields: dict[str, str]) -> ClickRow | None:
    """The row of a stream entry; None, with a log line, for one that nobody can read any more."""
    try:
        click: dict[str, Any] = json.loads(fields["d"])
        # Bot 0 among candidates: the position that the script drew decides, as it did for the answer.
        turns = bool(click["candidates"]) and not click["bot"]
        bot_id = turn(click["candidates"], int(fields["n"])) if turns else int(click["bot"])
        return ClickRow(
            id=click["id"],
            at=from_epoch(click["at"]),
            pool_id=int(click["pool"]),
            bot_id=bot_id or None,
            visitor=click["visitor"],
            unique_hash=click["unique"],
            country=click["country"],
            device=click["device"],
            language=click["language"],
            referrer_host=click["referrer"],
            params=click["params"],
            audience=click["audience"],
            over_limit=fields["o"] == "1",
            reason=click["reason"],
            candidates=click["candidates"],
            position=int(fields["n"]) if turns else None,
            source=source_of(click["params"], click["referrer"]),
            link_pool_id=click.get("link"),
            experiment_id=click.get("experiment") or None,
            rule_id=click.get("rule") or None,
            account_id=click.get("account"),
            replayed=fields.get("s") == "1",
        )
    except (KeyError, ValueError, TypeError):
        logger.error("an entry of the click stream is not readable", extra={"entry": identity})
        return None


def visited_bots(rows: Iterable[ClickRow]) -> list[int]:
    """The bots that people were sent to: one id per counted click."""
    return [row.bot_id for row in rows if row.bot_id is not None and row.counted]
