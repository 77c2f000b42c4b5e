"""REST API of who did what."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from flask import Blueprint, Response
from pydantic import BaseModel, Field

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT, page_of
from blueprints.api.downloads import CSV, as_csv
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.core.i18n import translate
from services.core.moments import NamedMoment
from services.platform.accounts.principal import Scope
from services.reporting.audit_trail import (
    AuditView,
    ChangeView,
    Origin,
    TrailFilter,
    list_trail,
    whole_trail,
)
from web.access import api, caller
from web.platform import platform
from web.reader_language import reader_locale

blueprint = Blueprint("audit", __name__, url_prefix="/audit")
COLUMNS = [
    "at",
    "account_id",
    "account",
    "sequence",
    "kind",
    "text",
    "actor",
    "by",
    "origin",
    "ip",
    "bot_id",
    "bot",
    "pool_id",
    "pool",
    "details",
    "changes",
    "hash",
]


class ExportQuery(BaseModel):
    """Which entries; conditions are joined by "and"."""

    everybody: bool = Field(False, description="of all accounts; for admins")
    actor: str = Field("", max_length=100, description='who did it, as "account:3", "key:ab12" or "command"')
    kind: str = Field("", max_length=50, description='of one kind, as "bot_stopped"')
    origin: Origin | None = None
    bot_id: int | None = Field(None, ge=1, lt=2**63)
    pool_id: int | None = Field(None, ge=1, lt=2**63)
    begin: NamedMoment | None = Field(None, alias="from", description="ISO 8601 with an offset, inclusive")
    end: NamedMoment | None = Field(None, alias="to", description="ISO 8601 with an offset, exclusive")

    def wanted(self, before: int | None = None) -> TrailFilter:
        """For the service."""
        return TrailFilter(**self.model_dump(include=set(TrailFilter.__dataclass_fields__)), before=before)


class TrailQuery(ExportQuery):
    """Which page of them, besides."""

    cursor: int | None = Field(None, ge=1, lt=2**63, description="`next` of the page before")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


@blueprint.get("")
@api(Scope.READ)
@operation(errors=(403,))
def index(query: TrailQuery) -> Listing[AuditView]:
    """Who did what in the account, with each field that was changed; newest first."""
    found = list_trail(
        platform(), caller(), query.wanted(query.cursor), everybody=query.everybody, limit=query.limit + 1
    )
    return page_of(found, query, lambda entry: entry, itemgetter("id"))


@blueprint.get("/export.csv")
@api(Scope.READ)
@operation(media=CSV, errors=(403,))
def export_csv(query: ExportQuery) -> Response:
    """The same, all of it, as a file."""
    entries = whole_trail(platform(), caller(), query.wanted(), everybody=query.everybody)
    return as_csv("audit", COLUMNS, _rows(entries, reader_locale()))


def _rows(entries: Iterator[AuditView], locale: str) -> Iterator[dict[str, object]]:
    for entry in entries:
        details = "; ".join(f"{name}: {value}" for name, value in entry["details"].items())
        words = {"text": translate(entry["text"], locale), "by": translate(entry["by"], locale)}
        changes = "; ".join(map(_in_words, entry["changes"]))
        yield {**entry, **words, "details": details, "changes": changes}


def _in_words(change: ChangeView) -> str:
    where = f"{change['object']} {change['name']} {change['field']}"
    return f"{where}: changed" if change["secret"] else f"{where}: {change['before']} -> {change['after']}"
