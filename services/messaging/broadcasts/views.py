"""A broadcast as the API and the panel show it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from sqlalchemy import select
from typing_extensions import TypedDict

from models import Bot, Broadcast, BroadcastKind, BroadcastStatus
from services.core.answer_types import Moment, one_of
from services.core.times import iso, utc_now
from services.messaging.broadcasts import ledger
from services.messaging.broadcasts.checks import FREE_PER_SECOND
from services.messaging.broadcasts.pace import seconds_left
from services.messaging.broadcasts.recipients import count_by_bot
from services.messaging.broadcasts.step_checks import left_out, most_messages
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform

STARS_PER_MESSAGE: Final = 0.1  # Bot API, allow_paid_broadcast: of each message beyond the free limit


class CountsView(TypedDict):
    """People by what became of them; `left` wait or are on their way."""

    sent: int
    failed: int
    blocked: int
    skipped: int
    uncertain: int
    left: int


class BroadcastView(TypedDict):
    """A broadcast. `causes` counts why people got nothing; `cause` says why the broadcast rests or ended."""

    id: int
    parent_id: int | None
    name: str
    kind: Annotated[str, one_of(BroadcastKind)]
    status: Annotated[str, one_of(BroadcastStatus)]
    cause: str
    variants: list[dict[str, Any]]
    audience: dict[str, Any]
    has_opt_out: bool
    per_second: int
    brake_percent: int
    quiet: dict[str, str]
    goal_tag: str
    every_hours: int
    once_per_person: bool
    only_new: bool
    recipients: int
    counts: CountsView
    causes: dict[str, int]
    scheduled_at: Moment | None
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None


class BotShare(TypedDict):
    """How many people a bot brings it to."""

    bot_id: int
    name: str
    people: int


class PlanView(TypedDict):
    """What a start would do: people by bot, how long it takes, and at most how many Stars.

    `left_out` are usernames of running bots of the audience that play no flows, where a step is to be sent.
    """

    people: int
    bots: list[BotShare]
    seconds: int
    stars: float
    left_out: list[str]


class ProgressView(TypedDict):
    """A broadcast now; `ends_at` is an estimate from the rates of its bots."""

    broadcast: BroadcastView
    ends_at: Moment | None


def describe(broadcast: Broadcast) -> BroadcastView:
    """The JSON of a broadcast."""
    counts = _counts(broadcast)
    return {
        "id": broadcast.id,
        "parent_id": broadcast.parent_id,
        "name": broadcast.name,
        "kind": broadcast.kind,
        "status": broadcast.status,
        "cause": broadcast.cause,
        "variants": broadcast.variants,
        "audience": broadcast.audience,
        "has_opt_out": broadcast.has_opt_out,
        "per_second": broadcast.per_second,
        "brake_percent": broadcast.brake_percent,
        "quiet": {
            "begin": broadcast.quiet_from,
            "end": broadcast.quiet_until,
            "time_zone": broadcast.time_zone,
        },
        "goal_tag": broadcast.goal_tag,
        "every_hours": broadcast.every_hours,
        "once_per_person": broadcast.once_per_person,
        "only_new": broadcast.only_new,
        "recipients": broadcast.recipients,
        "counts": counts,
        "causes": dict(broadcast.counts.get("causes", {})),
        "scheduled_at": iso(broadcast.scheduled_at),
        "created_at": iso(broadcast.created_at),
        "started_at": iso(broadcast.started_at),
        "ended_at": iso(broadcast.ended_at),
    }


def _counts(broadcast: Broadcast) -> CountsView:
    found = {
        name: int(broadcast.counts.get(name, 0))
        for name in ("sent", "failed", "blocked", "skipped", "uncertain")
    }
    return {**found, "left": max(0, broadcast.recipients - sum(found.values()))}  # type: ignore[typeddict-item]


def plan(platform: Platform, caller: Principal, broadcast_id: int) -> PlanView:
    """What a start would do now. NotFound for somebody else's."""
    with looking(platform, caller) as session:
        broadcast = get_owned(session, caller, Broadcast, broadcast_id)
        by_bot = count_by_bot(session, broadcast)
        rows = session.execute(select(Bot.id, Bot.username).where(Bot.id.in_(list(by_bot))))
        names = {row[0]: row[1] for row in rows}
        found = planned(by_bot, names, broadcast.per_second, most_messages(session, broadcast))
        return {**found, "left_out": left_out(session, broadcast)}


def planned(
    by_bot: Mapping[int, int], names: Mapping[int, str], per_second: int, messages: int = 1
) -> PlanView:
    """The plan of so many people per bot, each of whom gets so many `messages` at most."""
    shares: list[BotShare] = [
        {"bot_id": bot_id, "name": names.get(bot_id, ""), "people": number}
        for bot_id, number in sorted(by_bot.items(), key=lambda each: -each[1])
    ]
    seconds = seconds_left(dict(by_bot), per_second / messages)
    beyond = max(0.0, 1 - FREE_PER_SECOND / per_second)
    people = sum(by_bot.values())
    return {
        "people": people,
        "bots": shares,
        "seconds": math.ceil(seconds),
        "stars": round(people * messages * beyond * STARS_PER_MESSAGE, 1),
        "left_out": [],
    }


def progress(platform: Platform, caller: Principal, broadcast_id: int) -> ProgressView:
    """How far it is. NotFound for somebody else's."""
    with looking(platform, caller) as session:
        broadcast = get_owned(session, caller, Broadcast, broadcast_id)
        is_running = broadcast.status == BroadcastStatus.RUNNING
        waiting = ledger.waiting_by_bot(session, broadcast.id) if is_running else {}
        rate = broadcast.per_second / most_messages(session, broadcast)
    ends = utc_now() + timedelta(seconds=seconds_left(waiting, rate)) if waiting else None
    return {"broadcast": describe(broadcast), "ends_at": iso(ends)}
