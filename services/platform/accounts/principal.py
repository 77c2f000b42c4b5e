"""Who asks, and what of the house is theirs: the one place where tenancy is decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Select, false, select
from sqlalchemy.orm import Session

from models import (
    AuditEvent,
    Bot,
    Broadcast,
    Conversation,
    DeadLetter,
    ExchangeRate,
    Experiment,
    Flow,
    Media,
    NotificationDestination,
    PaymentWebhook,
    PeopleChange,
    Postback,
    RedirectPool,
    Segment,
    SpendImport,
    StoredFile,
)
from services.core.errors import Forbidden, NotFound
from services.core.i18n import Text
from services.core.identifiers import LARGEST_ID, parsed_id
from services.core.times import utc_now
from services.platform.accounts.trail import note


class Scope(StrEnum):
    """What an API key may do. A signed-in person has all of them. WORKER is what WRITE may of external workers; REDIRECT is reserved."""

    READ = "read"
    WRITE = "write"
    REDIRECT = "redirect"
    WORKER = "worker"


OFFERED = (Scope.READ, Scope.WRITE, Scope.WORKER)  # on the panel: no route asks for the other yet


@dataclass(frozen=True)
class Principal:
    """An authenticated account behind a request, key or command. `actor` goes into the audit trail.

    With an API key `key_id` is the key's, and `expires_at` when it ends, None for never.
    """

    account_id: int
    actor: str
    is_admin: bool = False
    scopes: frozenset[Scope] = frozenset(Scope)
    ip: str = ""
    key_id: str = ""
    expires_at: datetime | None = None

    def require(self, scope: Scope) -> None:
        """Raise Forbidden unless this caller has `scope`."""
        if scope not in self.scopes and not (scope is Scope.WORKER and Scope.WRITE in self.scopes):
            raise Forbidden(
                Text("This key lacks the scope '{scope}'; make one that has it", scope=scope),
                code="scope_missing",
            )

    def require_admin(self) -> None:
        """Raise Forbidden `admin_only` for anybody but an admin: what is asked for is the installation's, or everybody's."""
        if not self.is_admin:
            raise Forbidden("Only an admin may see this", code="admin_only")


Row = TypeVar(
    "Row",
    Bot,
    RedirectPool,
    NotificationDestination,
    DeadLetter,
    Experiment,
    StoredFile,
    Broadcast,
    Conversation,
    Broadcast,
    Flow,
    Media,
    PaymentWebhook,
    PeopleChange,
    Postback,
    Segment,
    SpendImport,
    ExchangeRate,
)
MISSING: Final = {
    "bot": Text("There is no such bot"),
    "pool": Text("There is no such pool"),
    "destination": Text("There is no such destination"),
    "dead_letter": Text("There is no such dead letter"),
    "experiment": Text("There is no such experiment"),
    "file": Text("There is no such file"),
    "flow": Text("There is no such flow"),
    "media": Text("There is no such file in the media library"),
    "segment": Text("There is no such segment"),
    "change": Text("There is no such change of people"),
    "conversation": Text("There is no such conversation"),
    "broadcast": Text("There is no such broadcast"),
    "payment_webhook": Text("There is no such payment webhook"),
    "postback": Text("There is no such postback"),
    "spend_import": Text("There is no such import of costs"),
    "exchange_rate": Text("There is no such exchange rate"),
}


def owned(caller: Principal, table: type[Row]) -> Select[Row]:
    """A query for the rows of `table` that are the caller's own. Lists show an admin their own things too."""
    return select(table).where(table.account_id == caller.account_id)


def get_owned(session: Session, caller: Principal, table: type[Row], identity: int | str) -> Row:
    """The caller's row with that id; NotFound for anybody else's, as for one that does not exist.

    A bot is also found by its public id `bot_<12 hex>`. An admin reaches every account, which leaves an audit entry.
    """
    row = session.scalar(select(table).where(_is(table, identity)))
    if row is None or (row.account_id != caller.account_id and not caller.is_admin):
        raise NotFound(MISSING[_word(table)], code=f"{_word(table)}_not_found")
    if row.account_id not in (caller.account_id, None):  # None: the installation's own, such as a failed job
        audit(
            session,
            caller,
            "admin_access",
            account_id=row.account_id,
            bot_id=row.id if isinstance(row, Bot) else None,
            pool_id=row.id if isinstance(row, RedirectPool) else None,
            **{_word(table): row.id},
        )
    return row


def _is(table: type[Row], identity: int | str) -> ColumnElement[bool]:
    number = parsed_id(str(identity)) if isinstance(identity, str) else identity
    if number is not None:
        return table.id == number if number <= LARGEST_ID else false()
    return Bot.public_id == identity if table is Bot else false()


def _word(table: type[Row]) -> str:
    words = {
        Bot: "bot",
        RedirectPool: "pool",
        DeadLetter: "dead_letter",
        Experiment: "experiment",
        StoredFile: "file",
        Flow: "flow",
        Media: "media",
        Segment: "segment",
        PeopleChange: "change",
        SpendImport: "spend_import",
        ExchangeRate: "exchange_rate",
        Conversation: "conversation",
        Broadcast: "broadcast",
        PaymentWebhook: "payment_webhook",
        Postback: "postback",
    }
    return words.get(table, "destination")


def audit(
    session: Session,
    caller: Principal,
    kind: str,
    *,
    account_id: int | None = None,
    bot_id: int | None = None,
    pool_id: int | None = None,
    **details: object,
) -> None:
    """Note what the caller's transaction does; it is written down, with the fields that were changed, as it commits.

    `details` must hold no secret.
    """
    entry = AuditEvent(
        account_id=account_id or caller.account_id,
        actor=caller.actor,
        kind=kind,
        bot_id=bot_id,
        pool_id=pool_id,
        details=details,
        ip=caller.ip,
        at=utc_now(),
    )
    note(session, entry)
