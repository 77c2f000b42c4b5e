"""A person's data as one JSON document, and as an archive with the files that they sent."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import IO, Any, Final

from sqlalchemy import select
from typing_extensions import TypedDict

from models import Base, Bot, RedirectPool
from services.core.answer_types import Moment
from services.core.errors import NotFound
from services.core.times import iso, utc_now
from services.messaging.inbox.texts import opened_text
from services.operations.personal_data.traces import Traces, find_traces, person_of
from services.platform.accounts.principal import Principal, audit
from services.platform.files.folder import FileFolder
from services.platform.platform import Platform

# What of each kind is about the person. Left out: our own numbers, seals and internals of delivery.
COLUMNS: Final[Mapping[str, str]] = {
    "leads": "bot_id first_name last_name username language state tags first_interaction last_interaction",
    "starts": "bot_id at start_param click_id",
    "clicks": "id at pool_id bot_id country device language referrer_host params source started_at visitor",
    "experiments": "experiment_id pool_id clicks first_at started_at",
    "files": "id bot_id kind mime size sha256 name created_at",
    "plugin_keys": "bot_id plugin key value",
    "flow_runs": "bot_id flow_id step status entered_at started_at variables goals",
    "flow_visits": "bot_id flow_id step first_at last_at times",
    "timers": "bot_id plugin key due_at note",
    "messages": "bot_id direction kind message_id at",
    "conversations": "bot_id unanswered_since last_message_at answered_at",
    "dead_letters": "bot_id at kind state payload",
    "notifications": "bot_id at kind params",
    "access_lists": "bot_id list until note created_at",
    "broadcasts": "broadcast_id bot_id variant status cause message_id at",
    "goals": "bot_id at goal amount_micros currency source click_id",
    "payments": "bot_id at amount_micros currency payload is_recurring paid_until subscription_state refunded_at charge_id",
}


class PersonView(TypedDict):
    """All that is kept of a person; `bots` and `pools` name the numbers in it."""

    telegram_id: int
    exported_at: Moment
    bots: dict[str, str]
    pools: dict[str, str]
    leads: list[dict[str, Any]]
    starts: list[dict[str, Any]]
    clicks: list[dict[str, Any]]
    experiments: list[dict[str, Any]]
    files: list[dict[str, Any]]
    plugin_keys: list[dict[str, Any]]
    flow_runs: list[dict[str, Any]]
    flow_visits: list[dict[str, Any]]
    timers: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    conversations: list[dict[str, Any]]
    dead_letters: list[dict[str, Any]]
    notifications: list[dict[str, Any]]
    access_lists: list[dict[str, Any]]
    broadcasts: list[dict[str, Any]]
    goals: list[dict[str, Any]]
    payments: list[dict[str, Any]]


def export_person(platform: Platform, caller: Principal, telegram_id: int) -> PersonView:
    """What all bots of the caller's account keep of somebody; the trail says that it was read.

    Raises NotFound `person_not_found` where nothing is kept, Unavailable.
    """
    return _export(platform, caller, telegram_id)[0]


def write_archive(
    platform: Platform, caller: Principal, telegram_id: int, file: IO[bytes], bot_id: int | str | None = None
) -> None:
    """The same as a ZIP, of an account as `person_of` says: `person.json`, and under `files/` what they sent.

    A file that is not on this machine's disk is left out. Raises NotFound `person_not_found`, Unavailable.
    """
    view, traces = _export(platform, caller, telegram_id, bot_id)
    folder = FileFolder(platform.settings)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("person.json", json.dumps(view, indent=2, ensure_ascii=False, default=str))
        for row in traces.files:
            path = folder.path(row.account_id, row.stored_name)
            if path.is_file():
                archive.write(path, f"files/{row.id}")


def _export(
    platform: Platform, caller: Principal, telegram_id: int, bot_id: int | str | None = None
) -> tuple[PersonView, Traces]:
    with platform.database.transaction() as session:
        person = person_of(session, caller, telegram_id, bot_id)
        traces = find_traces(session, person)
        if not traces:
            raise NotFound("Nothing is kept of this person", code="person_not_found")
        names = dict(session.execute(select(Bot.id, Bot.username).where(Bot.id.in_(person.bot_ids))).all())
        pools = select(RedirectPool.id, RedirectPool.name).where(
            RedirectPool.id.in_({click.pool_id for click in traces.clicks})
        )
        pool_names = dict(session.execute(pools).all())
        audit(session, caller, "person_exported", account_id=person.account_id)
    kinds = {kind: _rows(getattr(traces, kind), columns.split()) for kind, columns in COLUMNS.items()}
    for row, message in zip(kinds["messages"], traces.messages, strict=True):
        row["text"] = opened_text(platform.vault, message)
    about = {row["bot_id"] for rows in kinds.values() for row in rows if row.get("bot_id")}
    view: Any = {
        "telegram_id": telegram_id,
        "exported_at": iso(utc_now()),
        "bots": {str(number): name for number, name in names.items() if number in about},
        "pools": {str(number): name for number, name in pool_names.items()},
        **kinds,
    }
    return view, traces


def _rows(rows: Sequence[Base], columns: Sequence[str]) -> list[dict[str, Any]]:
    return [{column: _plain(getattr(row, column)) for column in columns} for row in rows]


def _plain(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value
