"""Erasing a person: their rows go in one transaction, what is in Redis and on disk afterwards, by jobs.

Clicks stay, because somebody paid for them and counts are made of them, but cut from the person: what told their visitor
apart is replaced at random, ids of ad networks are overwritten. Goals and payments stay likewise: money was earned. Entries of access lists stay too: they are the owner's rule,
not something collected, and a blocked person must not come back by being erased. Whoever writes to a bot again afterwards is
somebody new.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import (
    Base,
    Bot,
    ChatMessage,
    Click,
    Conversation,
    DeadLetter,
    ExperimentVisitor,
    FlowRun,
    FlowVisit,
    Goal,
    Lead,
    Notification,
    Payment,
    PluginState,
    StoredFile,
    Timer,
)
from services.messaging.plugin_runtime.plugin_store import lock_stores, texts_at, write_texts
from services.operations.personal_data.redis_traces import forgetting
from services.operations.personal_data.traces import Traces, find_traces, person_of
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue
from services.traffic.clicks.source import AD_IDS

ERASED: Final = "erased"  # in the place of an ad network's id, so that the click keeps its source


class ErasedView(TypedDict):
    """What is, or was, kept of a person. `clicks`, `goals` and `payments` stay without them; `access_lists` as they are."""

    telegram_id: int
    dry_run: bool
    leads: int
    starts: int
    clicks: int
    experiments: int
    files: int
    plugin_keys: int
    flow_runs: int
    flow_visits: int
    timers: int
    messages: int
    conversations: int
    dead_letters: int
    notifications: int
    access_lists: int
    broadcasts: int
    goals: int
    payments: int


def erase_person(
    platform: Platform,
    caller: Principal,
    telegram_id: int,
    *,
    bot_id: int | str | None = None,
    dry_run: bool = False,
) -> ErasedView:
    """Erase somebody from all bots of an account (`person_of`), or say what that would be; may be repeated.

    Raises NotFound, Unavailable, RedisError: then the rows may be gone, and what is outside of them goes within a day. To be repeated.
    """
    with platform.database.transaction() as session:  # an admin's look is written down
        person = person_of(session, caller, telegram_id, bot_id)
        traces = find_traces(session, person)
    if not dry_run:
        with (
            forgetting(platform, person.account_id, telegram_id),
            platform.database.transaction() as session,
        ):
            hold_bots(session, person.bot_ids)
            erase_rows(session, traces)
            audit(session, caller, "person_erased", account_id=person.account_id, **traces.counts())
        enqueue(platform.job_redis, JobName.SWEEP_FILES, person.account_id)
    return {"telegram_id": telegram_id, "dry_run": dry_run, **traces.counts()}  # type: ignore[typeddict-item]


def hold_bots(session: Session, bot_ids: Iterable[int]) -> None:
    """Keep bots from being deleted until the transaction ends. A deletion takes their rows in another order than whoever erases
    a person: without this PostgreSQL ends one of the two when they meet.
    """
    bots = select(Bot.id).where(Bot.id.in_(set(bot_ids))).order_by(Bot.id)
    session.execute(bots.with_for_update(read=True, key_share=True)).all()


def erase_rows(session: Session, traces: Traces) -> None:
    """Delete the rows, cut clicks and visits from the person; belongs to the caller's transaction."""
    _clear_stores(session, traces.plugin_keys)
    _cut_clicks(session, traces.clicks)
    _cut_visits(session, traces.experiments)
    _forget_visits(session, traces.flow_visits)
    for row in traces.broadcasts:  # what was counted of them stays
        session.delete(row)
    _cut_money(session, traces)
    for table, rows in (
        (FlowRun, traces.flow_runs),
        (Timer, traces.timers),
        (ChatMessage, traces.messages),
        (Conversation, traces.conversations),
        (StoredFile, traces.files),
        (DeadLetter, traces.dead_letters),
        (Notification, traces.notifications),
        (Lead, traces.leads),  # the starts go with them
    ):
        _delete(session, table, rows)


def _clear_stores(session: Session, kept: Sequence[PluginState]) -> None:
    """Under the lock of the stores, as every other change of them: a handler that read what goes is run again."""
    stores = lock_stores(session, [(row.bot_id, row.plugin) for row in kept]) if kept else {}
    places: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for row in kept:
        places[row.bot_id].append((row.plugin, row.key))
    for bot_id, those in places.items():
        write_texts(session, bot_id, dict.fromkeys(those), texts_at(session, bot_id, those), stores)


def _cut_clicks(session: Session, clicks: Sequence[Click]) -> None:
    """One visitor stays one visitor, so that the counts can be made anew from the clicks."""
    others = _Others()
    rows = [
        {
            "id": click.id,
            "lead_id": None,
            "visitor": others.of(click.visitor),
            "unique_hash": others.of(click.unique_hash),
            "params": {name: ERASED if name in AD_IDS else value for name, value in click.params.items()},
        }
        for click in clicks
    ]
    if rows:
        session.execute(update(Click), rows)


def _cut_visits(session: Session, visits: Sequence[ExperimentVisitor]) -> None:
    others = _Others()
    for visit in visits:
        session.execute(
            update(ExperimentVisitor)
            .where(
                ExperimentVisitor.experiment_id == visit.experiment_id,
                ExperimentVisitor.visitor == visit.visitor,
            )
            .values(visitor=others.of(visit.visitor), lead_id=None)
        )


def _forget_visits(session: Session, visits: Sequence[FlowVisit]) -> None:
    for bot_id, telegram_id in {(visit.bot_id, visit.telegram_id) for visit in visits}:
        theirs = delete(FlowVisit).where(FlowVisit.bot_id == bot_id, FlowVisit.telegram_id == telegram_id)
        session.execute(theirs.execution_options(synchronize_session=False))


def _cut_money(session: Session, traces: Traces) -> None:
    """Amounts stay, and what their clicks earned; nothing in them says whose they were."""
    nobody: dict[str, Any] = {"telegram_id": None, "lead_id": None, "ad_ids": {}}
    if traces.goals:
        session.execute(update(Goal), [{"id": goal.id, **nobody} for goal in traces.goals])
    if traces.payments:
        kept = [
            {"id": row.id, "telegram_id": None, "payload": "", "provider_charge_id": ""}
            for row in traces.payments
        ]
        session.execute(update(Payment), kept)


def _delete(session: Session, table: type[Any], rows: Sequence[Base]) -> None:
    ids = [row.id for row in rows]  # type: ignore[attr-defined]
    if ids:
        session.execute(delete(table).where(table.id.in_(ids)).execution_options(synchronize_session=False))


class _Others:
    """For each hash another one at random, the same for the same."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, known: str) -> str:
        return self._known.setdefault(known, secrets.token_hex(16)) if known else ""
