"""What a transaction changed of what people set, field by field: before and after, for its entries in the audit trail.

Taken from the session itself, so that no use case can forget it. Only the fields named here are kept; of a secret only that
it was changed, also of one inside a list, or a bot's token inside a text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from models import (
    Account,
    AuditEvent,
    Bot,
    BotAccess,
    BotPlugin,
    BotWorker,
    Experiment,
    ExperimentArm,
    Flow,
    NotificationDestination,
    NotificationRule,
    PoolBot,
    PoolRule,
    RedirectPool,
    Segment,
)
from services.core.redaction import redact
from services.core.times import iso

CHANGED: Final = "changed"  # all that is told of a secret
SECRET_WORDS: Final = (
    "token",
    "secret",
    "password",
    "passwd",
    "api_key",
    "apikey",
    "credential",
    "authorization",
)
MAX_TEXT: Final = 500  # characters of a value
MAX_CHANGES: Final = 200  # fields of one entry


@dataclass(frozen=True)
class Kept:
    """How rows of a table are told: under which word, by what they are known, which fields, and which of them are secret."""

    word: str
    name: tuple[str, ...]
    fields: tuple[str, ...]
    secrets: tuple[str, ...]
    bot_id: str  # the column with the bot's number, "" for none
    pool_id: str


def _kept(
    word: str,
    fields: str,
    *,
    name: str = "id",
    secrets: str = "",
    bot: str = "",
    pool: str = "",
) -> Kept:
    return Kept(word, tuple(name.split()), tuple(fields.split()), tuple(secrets.split()), bot, pool)


KEPT: Final[Mapping[type[Any], Kept]] = {
    Account: _kept("account", "email is_admin is_active", secrets="password_hash"),
    Bot: _kept(
        "bot",
        "telegram_bot_id username name mode desired_running uncertain_policy tags fsm_strategy description webhook_path "
        "max_connections parse_mode disable_web_page_preview limits_people rate_per_minute rate_burst alias declared_in "
        "maintenance maintenance_message captcha keeps_messages",
        secrets="sealed_token",
        bot="id",
    ),
    BotAccess: _kept("access", "list telegram_id until note", name="list telegram_id", bot="bot_id"),
    BotPlugin: _kept("plugin", "position enabled config", name="name", bot="bot_id"),
    BotWorker: _kept(
        "worker",
        "ordered lease_seconds command image min_replicas max_replicas",
        name="bot_id",
        secrets="token_hash sealed_environment",
        bot="bot_id",
    ),
    RedirectPool: _kept(
        "pool",
        "name slug is_active distribution_strategy sticky start_param tracking max_bots rate_limit_per_minute over_limit "
        "critical_below_percent fallback_url fallback_pool_id",
        pool="id",
    ),
    PoolBot: _kept(
        "member",
        "weight priority is_enabled draining capacity_per_hour",
        name="bot_id",
        bot="bot_id",
        pool="pool_id",
    ),
    PoolRule: _kept("rule", "position is_active conditions target_pool_id", pool="pool_id"),
    Experiment: _kept("experiment", "name is_active goal_tag started_at ended_at", pool="pool_id"),
    ExperimentArm: _kept("arm", "percent", name="experiment_id pool_id"),
    Flow: _kept("flow", "key name published", name="key"),
    Segment: _kept("segment", "name conditions"),
    NotificationDestination: _kept(
        "destination",
        "kind name address bot_id reserve_bot_id is_enabled quiet_from quiet_until time_zone critical_passes",
        secrets="sealed_config link_hash reserve_link_hash",
    ),
    NotificationRule: _kept("notification_rule", "kind min_level pool_id"),
}


class Place(NamedTuple):
    """A row, by what stays the same when it is deleted and made anew in one transaction; `account_id` where it has its own."""

    kind: type[Any]
    account_id: int | None
    bot_id: int | None
    pool_id: int | None
    name: str


class Changes:
    """What a transaction's flushes have changed so far."""

    def __init__(self) -> None:
        self._seen: dict[Place, tuple[dict[str, Any] | None, dict[str, Any] | None]] = {}

    def see(self, session: Session) -> None:
        """Take in one flush, in whose `after_flush` this is called."""
        for row in session.deleted:
            self._note(row, before=_former, after=None)
        for row in session.new:
            self._note(row, before=None, after=_present)
        for row in session.dirty:
            self._note(row, before=_former, after=_present)

    def attach(self, entries: Sequence[AuditEvent]) -> None:
        """Give each change to the entry that speaks of it: of its bot and pool, else the first that may.

        Never to another account's; where a transaction works on several, a row that has no account of its own goes to the
        entry of its bot or pool or to none.
        """
        for entry in entries:
            entry.changes = []
        own = [entry for entry in entries if entry.kind != "admin_access"]
        is_one_account = len({entry.account_id for entry in own}) == 1
        for place, (before, after) in self._seen.items():
            may = [
                entry
                for entry in own
                if place.account_id == entry.account_id
                or (place.account_id is None and (is_one_account or _fit(entry, place) > 0))
            ]
            found = max(may, key=lambda one: _fit(one, place), default=None)
            if found is not None and len(found.changes) < MAX_CHANGES:
                found.changes += list(_differences(place, before, after))

    def _note(
        self,
        row: Any,
        *,
        before: Callable[[Any, Kept], dict[str, Any]] | None,
        after: Callable[[Any, Kept], dict[str, Any]] | None,
    ) -> None:
        kept = KEPT.get(type(row))
        if kept is None:
            return
        place = Place(
            type(row),
            row.id if isinstance(row, Account) else getattr(row, "account_id", None),
            getattr(row, kept.bot_id) if kept.bot_id else None,
            getattr(row, kept.pool_id) if kept.pool_id else None,
            ":".join(str(getattr(row, part)) for part in kept.name),
        )
        first = self._seen[place][0] if place in self._seen else before and before(row, kept)
        self._seen[place] = first, after and after(row, kept)


def _present(row: Any, kept: Kept) -> dict[str, Any]:
    return {name: getattr(row, name) for name in (*kept.fields, *kept.secrets)}


def _former(row: Any, kept: Kept) -> dict[str, Any]:
    state = inspect(row)
    found = {}
    for name in (*kept.fields, *kept.secrets):
        history = state.attrs[name].history
        found[name] = history.deleted[0] if history.deleted else getattr(row, name)
    return found


def _fit(entry: AuditEvent, place: Place) -> int:
    """How well an entry suits a change; of equals the first is taken."""
    pairs = ((entry.bot_id, place.bot_id), (entry.pool_id, place.pool_id))
    return sum(1 if mine == theirs else -2 for mine, theirs in pairs if None not in (mine, theirs))


def _differences(
    place: Place, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> Iterator[dict[str, Any]]:
    kept = KEPT[place.kind]
    old, new = _flat(before or {}), _flat(after or {})
    for name in dict.fromkeys((*old, *new)):
        former, present = old.get(name), new.get(name)
        if former == present or (None in (before, after) and not (former or present)):
            continue
        change = {"object": kept.word, "name": place.name, "field": name}
        if name in kept.secrets or any(word in name.lower() for word in SECRET_WORDS):
            yield {**change, "secret": CHANGED}
        else:
            yield {**change, "before": _told(former), "after": _told(present)}


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The same with what lies in dictionaries under names like "config.text"."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _told(value: Any) -> Any:
    """A value as the trail keeps it: short, and fit for JSON."""
    if isinstance(value, datetime):
        return iso(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    value = redact(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
