"""A member's status is the worst of its three layers; here they meet. Pure but for the row it writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Final

from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, Conversion, MemberStatus, PoolBot
from services.core.answer_types import Moment, one_of
from services.core.times import iso
from services.fleet.health.alerts import CLEARED, Change
from services.fleet.health.breaker import CONVERSION_CAUSE, DELIVERY_CAUSE, LAYER_CAUSES
from services.fleet.health.conversion import Judgement, Usual, rule_of
from services.fleet.health.delivery import Delivery
from services.fleet.health.members import state_of, write_state

OUT_OF_SERVICE: Final = frozenset({MemberStatus.CHECKING, MemberStatus.OFFLINE, MemberStatus.BANNED})


@dataclass(frozen=True)
class EffectiveStatus:
    """A status and why; `cause` is empty when all layers are well."""

    status: MemberStatus
    cause: str = ""


def effective_status(member: PoolBot, verdict: Judgement, delivery: Delivery | None) -> EffectiveStatus:
    """The worst of the layers. Identity, which the breaker wrote into the row, is left alone where it is worse."""
    now = EffectiveStatus(MemberStatus(member.status), member.status_cause)
    if now.status in OUT_OF_SERVICE or _identity_degraded(now):
        return now
    if verdict is Judgement.SUSPECT:
        return EffectiveStatus(MemberStatus.SUSPECT, CONVERSION_CAUSE)
    if verdict is Judgement.DEGRADED:
        return EffectiveStatus(MemberStatus.DEGRADED, CONVERSION_CAUSE)
    if delivery is not None and delivery.blames_bot:
        return EffectiveStatus(MemberStatus.DEGRADED, DELIVERY_CAUSE)
    return EffectiveStatus(MemberStatus.ONLINE)


def move(session: Session, member: PoolBot, to: EffectiveStatus, now: datetime) -> list[Change]:
    """Bring the row to a standing; the change that it was, if any. Whoever comes back online starts slowly."""
    before = state_of(member)
    if (before.status, before.status_cause) == (to.status, to.cause):
        return []
    cause = to.cause or CLEARED.get(before.status_cause, CONVERSION_CAUSE)
    state = replace(before, status=to.status, status_cause=to.cause)
    if to.status is MemberStatus.ONLINE:
        state = replace(state, slow_start_at=now)
    written = write_state(session, member, state, cause, now)
    return [Change(member, before.status, to.status, cause, now)] if written else []


class IdentityView(TypedDict):
    """What getMe alone says of a bot."""

    state: Annotated[str, one_of(MemberStatus)]
    cause: str


class CheckedIdentityView(IdentityView):
    """The same, and when it was last asked."""

    checked_at: Moment | None


class DeliveryLayerView(TypedDict):
    """Whether updates reach us; `pending` are those waiting at Telegram, null while nobody has asked."""

    state: str
    cause: str
    pending: int | None
    last_error: str
    checked_at: Moment | None


class ConversionView(TypedDict):
    """Whether clicks become starts: rates from 0 to 1, `run` of misses and `score` with the limits that they must not pass."""

    state: str
    on_trial: bool
    since: Moment | None
    baseline: float | None
    rate: float | None
    matured_clicks: int
    recent_clicks: int
    recent_starts: int
    lag_seconds: float
    run: int
    run_limit: int | None
    score: float
    score_limit: float | None


class LayersView(TypedDict):
    """The three layers of a member's health."""

    identity: CheckedIdentityView
    delivery: DeliveryLayerView
    conversion: ConversionView


def describe_layers(
    member: PoolBot, bot: Bot, known: Conversion | None, recent: Mapping[int, tuple[int, int]]
) -> LayersView:
    """The three layers as the API shows them; `recent` is bot id -> matured clicks and starts of the last hour."""
    return {
        "identity": {**_identity(member), "checked_at": iso(member.last_health_check)},
        "delivery": {
            "state": bot.delivery_state,
            "cause": bot.delivery_cause,
            "pending": (bot.webhook_info or {}).get("pending"),
            "last_error": (bot.webhook_info or {}).get("error", ""),
            "checked_at": iso(bot.delivery_checked_at),
        },
        "conversion": _conversion(known, *recent.get(member.bot_id, (0, 0))),
    }


def _identity_degraded(now: EffectiveStatus) -> bool:
    return now.status is MemberStatus.DEGRADED and now.cause not in LAYER_CAUSES


def _identity(member: PoolBot) -> IdentityView:
    """What getMe alone says: the breaker's status, or what failures it counted under another layer's status."""
    now = EffectiveStatus(MemberStatus(member.status), member.status_cause)
    if now.status in OUT_OF_SERVICE or _identity_degraded(now):
        return {"state": str(now.status), "cause": now.cause}
    if member.consecutive_failures:
        cause = member.last_failures[0]["cause"] if member.last_failures else ""
        return {"state": str(MemberStatus.DEGRADED), "cause": cause}
    return {"state": str(MemberStatus.ONLINE), "cause": ""}


def _conversion(known: Conversion | None, clicks: int, starts: int) -> ConversionView:
    usual = usual_in(known) if known else Usual()
    rule = rule_of(usual)
    verdict = known.verdict if known else ""
    return {
        "state": verdict or ("ok" if rule else "unknown"),
        "on_trial": verdict == Judgement.SUSPECT and known is not None and known.trial is not None,
        "since": iso(known.verdict_at) if known else None,
        "baseline": round(rule.baseline, 4) if rule else None,
        "rate": round(starts / clicks, 4) if clicks else None,
        "matured_clicks": usual.clicks,
        "recent_clicks": clicks,
        "recent_starts": starts,
        "lag_seconds": usual.lag_seconds,
        "run": known.run if known else 0,
        "run_limit": rule.run_limit if rule else None,
        "score": round(known.score, 2) if known else 0.0,
        "score_limit": round(rule.score_limit, 2) if rule else None,
    }


def usual_in(known: Conversion) -> Usual:
    """What is usual, from its row."""
    return Usual(known.clicks, known.starts, known.busiest_hour, known.lag_seconds)


def in_service(members: Collection[PoolBot]) -> list[PoolBot]:
    """The members that identity lets serve."""
    return [member for member in members if MemberStatus(member.status) not in OUT_OF_SERVICE]
