"""The circuit breaker of a member, a pure step: state and outcome in, state and cause of the change out.

    state                 good check                    failed check (dead or transient)
    checking              online, slow start            1st: stays, re-check in 3 s; 2nd: offline, hold 120 s
    online                stays                         degraded, re-check in 3 s
    degraded              online                        offline, hold 120 s
    degraded by another   stays (that layer clears it)    1st: stays, re-check in 3 s; 2nd: offline, hold 120 s
    suspect               stays (starts clear it)       1st: stays, re-check in 3 s; 2nd: offline, hold 120 s
    offline, in its hold  unchanged                     unchanged
    offline, hold over    1st: probe again in 3 s;      dead for the 3rd time: banned;
                          2nd: online, slow start       else: stays, hold doubled up to 600 s
    banned                stays, probe in 10 min        stays, probe in 10 min

A checking member runs through the same counters without ever being eligible. Dead answers are counted since the last
good check; a transient failure between them neither confirms nor refutes them. A check without a verdict (429, or a 403
about somebody) changes nothing but, for a 429, when to ask again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from models import MemberStatus
from services.core.i18n import NO_TEXT, Text

CONVERSION_CAUSE: Final = "conversion"  # degraded by missing starts: a good getMe does not clear it
DELIVERY_CAUSE: Final = "delivery"  # degraded because updates do not arrive
LAYER_CAUSES: Final = frozenset(
    {CONVERSION_CAUSE, DELIVERY_CAUSE}
)  # other layers degrade and clear these themselves
FIRST_CAUSE: Final = "first_check"
RECOVERED_CAUSE: Final = "recovered"
ALLOWED_CAUSE: Final = "allowed"  # the owner let a banned member return


class Health(StrEnum):
    """What a check says about the bot."""

    GOOD = "good"
    DEAD = "dead"
    TRANSIENT = "transient"
    NONE = "none"


class Cause(StrEnum):
    """Why a check failed; stable words, kept in rows, metrics and the API."""

    UNAUTHORIZED = "unauthorized"  # 401
    NOT_FOUND = "not_found"  # 404 on the token
    FROZEN = "frozen"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    SERVER_ERROR = "server_error"  # 5xx
    GARBAGE = "garbage"  # no Bot API answer, or another bot's


@dataclass(frozen=True)
class CheckOutcome:
    """The result of one check: its verdict, the cause of a failure, its duration in milliseconds.

    `retry_after` (seconds) is set when the Bot API asked for patience; `username` and `name` are what getMe said.
    """

    verdict: Health
    cause: str = ""
    ms: int = 0
    detail: Text = NO_TEXT
    retry_after: float = 0.0
    username: str = ""
    name: str = ""
    asked: int = 0  # the Telegram id of the bot as it was asked; 0 where that says nothing


@dataclass(frozen=True)
class BreakerState:
    """The breaker's columns of a `PoolBot` row."""

    status: MemberStatus
    status_cause: str = ""
    consecutive_failures: int = 0
    permanent_failures: int = 0
    good_checks: int = 0
    circuit_breaker_until: datetime | None = None
    hold_seconds: int = 0
    next_check_at: datetime | None = None
    slow_start_at: datetime | None = None


@dataclass(frozen=True)
class Policy:
    """How many failures, and how long each hold: what operators know from the documentation."""

    recheck_seconds: int = 3
    hold_seconds: int = 120
    longest_hold_seconds: int = 600
    ban_probe_seconds: int = 600
    failures_to_offline: int = 2
    dead_answers_to_ban: int = 3
    good_checks_to_return: int = 2


DEFAULT_POLICY: Final = Policy()


@dataclass(frozen=True)
class Step:
    """What a check led to. `cause` is empty unless the status changed."""

    state: BreakerState
    cause: str = ""


def is_due(state: BreakerState, now: datetime) -> bool:
    """Whether a check may be made and counted now; holds and waits for a re-check are respected."""
    return state.next_check_at is None or state.next_check_at <= now


def step(state: BreakerState, outcome: CheckOutcome, now: datetime, policy: Policy = DEFAULT_POLICY) -> Step:
    """The state after `outcome` at `now` (aware). A check that comes before its time changes nothing."""
    if not is_due(state, now):
        return Step(state)
    if outcome.verdict is Health.NONE:
        return Step(_patient(state, outcome.retry_after, now, policy))
    if state.status is MemberStatus.BANNED:
        return Step(_still_banned(state, outcome, now, policy))
    good = outcome.verdict is Health.GOOD
    after = _after_good(state, now, policy) if good else _after_failure(state, outcome, now, policy)
    if after.status is state.status:
        return Step(after)
    well = FIRST_CAUSE if state.status is MemberStatus.CHECKING else RECOVERED_CAUSE
    return Step(after, well if good else outcome.cause)


def allowed_back(state: BreakerState, now: datetime, policy: Policy = DEFAULT_POLICY) -> BreakerState:
    """A banned member whose return the owner allows: half-open at once, and one more dead answer bans it again."""
    return replace(
        state,
        status=MemberStatus.OFFLINE,
        status_cause=ALLOWED_CAUSE,
        permanent_failures=policy.dead_answers_to_ban - 1,
        good_checks=0,
        hold_seconds=policy.hold_seconds,
        circuit_breaker_until=now,
        next_check_at=now,
    )


def _patient(state: BreakerState, retry_after: float, now: datetime, policy: Policy) -> BreakerState:
    if not retry_after:
        return state
    wait = min(retry_after, policy.longest_hold_seconds)
    return replace(state, next_check_at=now + timedelta(seconds=wait))


def _after_good(state: BreakerState, now: datetime, policy: Policy) -> BreakerState:
    calm = replace(state, consecutive_failures=0, permanent_failures=0, next_check_at=None)
    if _by_another_layer(state):
        return calm
    if state.status is MemberStatus.CHECKING:
        return replace(calm, status=MemberStatus.ONLINE, status_cause="", slow_start_at=now)
    if state.status is not MemberStatus.OFFLINE:
        return replace(calm, status=MemberStatus.ONLINE, status_cause="")
    if state.good_checks + 1 < policy.good_checks_to_return:
        again = now + timedelta(seconds=policy.recheck_seconds)
        return replace(state, good_checks=state.good_checks + 1, permanent_failures=0, next_check_at=again)
    return replace(
        calm,
        status=MemberStatus.ONLINE,
        status_cause="",
        good_checks=0,
        hold_seconds=0,
        circuit_breaker_until=None,
        slow_start_at=now,
    )


def _after_failure(state: BreakerState, outcome: CheckOutcome, now: datetime, policy: Policy) -> BreakerState:
    failed = replace(
        state,
        consecutive_failures=state.consecutive_failures + 1,
        permanent_failures=state.permanent_failures + (outcome.verdict is Health.DEAD),
        good_checks=0,
    )
    if state.status is MemberStatus.OFFLINE:
        return _probe_failed(failed, outcome, now, policy)
    if failed.consecutive_failures >= policy.failures_to_offline:
        return _held(failed, outcome.cause, policy.hold_seconds, now)
    again = now + timedelta(seconds=policy.recheck_seconds)
    if state.status is MemberStatus.ONLINE:
        return replace(failed, status=MemberStatus.DEGRADED, status_cause=outcome.cause, next_check_at=again)
    kept = state.status_cause if _by_another_layer(state) else outcome.cause
    return replace(failed, status_cause=kept, next_check_at=again)


def _probe_failed(failed: BreakerState, outcome: CheckOutcome, now: datetime, policy: Policy) -> BreakerState:
    if outcome.verdict is Health.DEAD and failed.permanent_failures >= policy.dead_answers_to_ban:
        return replace(
            failed,
            status=MemberStatus.BANNED,
            status_cause=outcome.cause,
            circuit_breaker_until=None,
            next_check_at=now + timedelta(seconds=policy.ban_probe_seconds),
        )
    doubled = min(max(failed.hold_seconds, policy.hold_seconds // 2) * 2, policy.longest_hold_seconds)
    return _held(failed, outcome.cause, doubled, now)


def _held(state: BreakerState, cause: str, seconds: int, now: datetime) -> BreakerState:
    until = now + timedelta(seconds=seconds)
    return replace(
        state,
        status=MemberStatus.OFFLINE,
        status_cause=cause,
        hold_seconds=seconds,
        circuit_breaker_until=until,
        next_check_at=until,
    )


def _still_banned(state: BreakerState, outcome: CheckOutcome, now: datetime, policy: Policy) -> BreakerState:
    """A good answer is only counted, so that the panel can say "answers again" to the owner."""
    answers = state.good_checks + 1 if outcome.verdict is Health.GOOD else 0
    return replace(
        state, good_checks=answers, next_check_at=now + timedelta(seconds=policy.ban_probe_seconds)
    )


def _by_another_layer(state: BreakerState) -> bool:
    by_cause = state.status is MemberStatus.DEGRADED and state.status_cause in LAYER_CAUSES
    return by_cause or state.status is MemberStatus.SUSPECT
