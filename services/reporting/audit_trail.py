"""The audit trail as people read it: of one account, or for an admin of all; filtered, in pages, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Account, AuditEvent, Bot, RedirectPool
from services.core.answer_types import Moment, Sentence
from services.core.errors import Forbidden, InvalidInput
from services.core.i18n import N_
from services.core.times import iso
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.reporting.event_texts import EVENT_TEXTS, actor_text, event_text

EXPORT_BATCH: Final = 1000


class Origin(StrEnum):
    """Where somebody acted: in the panel, with an API key, in the manager bot's chat, at the server; or nobody did."""

    PANEL = "panel"
    API = "api"
    CHAT = "chat"
    COMMAND = "command"
    SYSTEM = "system"


ACTORS: Final[Mapping[Origin, tuple[str, ...]]] = {  # how `AuditEvent.actor` begins
    Origin.PANEL: ("account:", "setup"),
    Origin.API: ("key:",),
    Origin.CHAT: ("telegram:",),
    Origin.COMMAND: ("command",),
    Origin.SYSTEM: ("system",),
}
ORIGIN_TEXTS: Final[Mapping[Origin, str]] = {
    Origin.PANEL: N_("Panel"),
    Origin.API: N_("API key"),
    Origin.CHAT: N_("Manager bot"),
    Origin.COMMAND: N_("Command line"),
    Origin.SYSTEM: N_("Flotilla itself"),
}


@dataclass(frozen=True)
class TrailFilter:
    """Which entries; what is empty or None asks for nothing. `actor` is such as "account:3" or "key:ab12"."""

    actor: str = ""
    kind: str = ""
    origin: Origin | None = None
    bot_id: int | None = None
    pool_id: int | None = None
    begin: datetime | None = None
    end: datetime | None = None
    before: int | None = None  # the cursor of the page before


class ChangeView(TypedDict):
    """A field of a thing that was changed; of a secret only that it was."""

    object: str
    name: str
    field: str
    before: Any
    after: Any
    secret: bool


class AuditView(TypedDict):
    """An entry: `by` did it, from `ip` ("" where that is not known). `sequence` and `hash` are its place in the account's chain."""

    id: str
    at: Moment
    account_id: int
    account: str | None
    sequence: int
    hash: str
    kind: str
    text: Sentence
    actor: str
    by: Sentence
    origin: str
    ip: str
    bot_id: int | None
    bot: str | None
    pool_id: int | None
    pool: str | None
    details: dict[str, Any]
    changes: list[ChangeView]


def list_trail(
    platform: Platform, caller: Principal, wanted: TrailFilter, *, everybody: bool = False, limit: int = 50
) -> Sequence[AuditView]:
    """At most `limit` entries of the caller's account, newest first; with `everybody` of all accounts.

    Forbidden `admin_only` when somebody else than an admin asks for all, InvalidInput for an unknown kind.
    """
    if everybody and not caller.is_admin:
        raise Forbidden("Only an admin may see this", code="admin_only")
    if wanted.kind and wanted.kind not in EVENT_TEXTS:
        raise InvalidInput("There is no such kind of event", field="kind")
    place = AuditEvent.id if everybody else AuditEvent.sequence
    query = (
        select(AuditEvent, Bot.username, RedirectPool.name)
        .outerjoin(Bot, and_(Bot.id == AuditEvent.bot_id, Bot.account_id == AuditEvent.account_id))
        .outerjoin(
            RedirectPool,
            and_(RedirectPool.id == AuditEvent.pool_id, RedirectPool.account_id == AuditEvent.account_id),
        )
        .where(AuditEvent.sequence.is_not(None), *_conditions(wanted))
        .order_by(place.desc())
        .limit(limit)
    )
    if not everybody:
        query = query.where(AuditEvent.account_id == caller.account_id)
    if wanted.before is not None:
        query = query.where(place < wanted.before)
    # An admin's look at others' trails is written into their own, each page: a cursor is anybody's to choose.
    with platform.database.transaction() if everybody else platform.database.reading() as session:
        rows = session.execute(query).all()
        if everybody:
            audit(session, caller, "admin_trail_read")
        emails = _emails(session, caller, [row for row, _, _ in rows], everybody=everybody)
    return [_described(row, bot, pool, emails, everybody=everybody) for row, bot, pool in rows]


def whole_trail(
    platform: Platform, caller: Principal, wanted: TrailFilter, *, everybody: bool = False
) -> Iterator[AuditView]:
    """All of them, read a thousand at a time as they are asked for. Raises as `list_trail`, at once."""
    page = list_trail(platform, caller, wanted, everybody=everybody, limit=EXPORT_BATCH)

    def entries(page: Sequence[AuditView]) -> Iterator[AuditView]:
        while page:
            yield from page
            rest = replace(wanted, before=int(page[-1]["id"]))
            page = list_trail(platform, caller, rest, everybody=everybody, limit=EXPORT_BATCH)

    return entries(page)


def origin_of(actor: str) -> Origin:
    """Where an actor acts."""
    for origin, beginnings in ACTORS.items():
        if actor.startswith(beginnings):
            return origin
    return Origin.SYSTEM


def _conditions(wanted: TrailFilter) -> list[ColumnElement[bool]]:
    exact = {
        AuditEvent.actor: wanted.actor,
        AuditEvent.kind: wanted.kind,
        AuditEvent.bot_id: wanted.bot_id,
        AuditEvent.pool_id: wanted.pool_id,
    }
    found = [column == value for column, value in exact.items() if value not in ("", None)]
    if wanted.origin is not None:
        beginnings = ACTORS[wanted.origin]
        found.append(or_(*(AuditEvent.actor.startswith(each, autoescape=True) for each in beginnings)))
    if wanted.begin is not None:
        found.append(AuditEvent.at >= wanted.begin)
    if wanted.end is not None:
        found.append(AuditEvent.at < wanted.end)
    return found


def _emails(
    session: Session, caller: Principal, rows: Sequence[AuditEvent], *, everybody: bool
) -> dict[int, str]:
    """Whom the reader may know by name: an admin everybody, others themselves."""
    wanted = {caller.account_id}
    if everybody:
        actors = (row.actor.partition(":") for row in rows)
        wanted |= {int(name) for kind, _, name in actors if kind == "account" and name.isdecimal()}
        wanted |= {row.account_id for row in rows if row.account_id is not None}
    found = session.execute(select(Account.id, Account.email).where(Account.id.in_(wanted)))
    return {int(number): str(email) for number, email in found}


def _described(
    row: AuditEvent, bot: str | None, pool: str | None, emails: Mapping[int, str], *, everybody: bool
) -> AuditView:
    return {
        "id": str(row.id if everybody else row.sequence),
        "at": iso(row.at),
        "account_id": row.account_id or 0,
        "account": emails.get(row.account_id or 0),
        "sequence": row.sequence,
        "hash": row.hash,
        "kind": row.kind,
        "text": event_text(row.kind, row.details),
        "actor": row.actor,
        "by": actor_text(row.actor, emails),
        "origin": origin_of(row.actor),
        "ip": row.ip,
        "bot_id": row.bot_id,
        "bot": bot,
        "pool_id": row.pool_id,
        "pool": pool,
        "details": row.details,
        "changes": [_change(each) for each in row.changes],
    }


def _change(kept: Mapping[str, Any]) -> ChangeView:
    return {
        "object": kept["object"],
        "name": kept["name"],
        "field": kept["field"],
        "before": kept.get("before"),
        "after": kept.get("after"),
        "secret": "secret" in kept,
    }
