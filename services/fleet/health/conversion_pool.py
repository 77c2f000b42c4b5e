"""What a pool does about its members' evidence: who leaves, who returns, and when it is the traffic's fault. Pure.

    verdict            becomes
    none               suspect: run at its limit      degraded: score at its limit
    suspect            none: three starts
    degraded           on trial (shown as suspect): its hold is over      none or degraded again: by the trial
    on trial           none: usual twenty times as likely as half         degraded, hold doubled: the reverse
    any                none: the alarm, or the member left service (offline, banned, checking)

A degraded member gets no clicks while others are online, so its recovery could never be seen: after a hold it
gets a suspect's trickle, and only the clicks sent since then are judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.fleet.health.conversion import (
    STARTS_TO_CLEAR,
    Evidence,
    Judgement,
    Rule,
    fold,
    is_falling,
    judge,
    on_trial,
)

FIRST_HOLD_SECONDS: Final = 600
LONGEST_HOLD_SECONDS: Final = 7200
NOTHING: Final = Evidence()


@dataclass(frozen=True)
class Case:
    """A member as conversion sees it. `trial` is a number while the member is on trial, or degraded and may be."""

    member_id: int
    rule: Rule | None
    evidence: Evidence = NOTHING
    verdict: Judgement = Judgement.NONE
    verdict_at: datetime | None = None
    hold_seconds: int = 0
    trial: float | None = None
    judged_until: datetime | None = None
    in_service: bool = True

    @property
    def is_out(self) -> bool:
        """Whether conversion has taken it out of its full share."""
        return self.in_service and self.verdict is not Judgement.NONE


@dataclass(frozen=True)
class Seen:
    """What happened since the last look: matured clicks in order, and the starts since a suspicion, matured or not."""

    outcomes: Sequence[bool] = ()
    starts: int = 0


@dataclass(frozen=True)
class Decision:
    """The cases afterwards, and whether all members fall together."""

    cases: tuple[Case, ...]
    alarm: bool


def decide(cases: Sequence[Case], seen: Mapping[int, Seen], now: datetime, *, alarm: bool) -> Decision:
    """One look at a pool at `now` (aware), `alarm` being how the last one ended."""
    after = [_follow(case, seen.get(case.member_id, Seen()), now) for case in cases]
    if _all_fall(after, alarm=alarm):
        return Decision(tuple(_released(case, now, keep=True) for case in after), True)
    fallen = [case for case in after if _is_fallen(case)]
    served = [case for case in after if case.in_service]
    room = most_out(len(served)) - sum(case.is_out for case in served)
    chosen = {case.member_id for case in sorted(fallen, key=_how_far, reverse=True)[: max(0, room)]}
    return Decision(tuple(_out(case, now) if case.member_id in chosen else case for case in after), False)


def most_out(members: int) -> int:
    """How many of a pool's members in service conversion may take out at a time: half, rounded down."""
    return members // 2


def _follow(case: Case, seen: Seen, now: datetime) -> Case:
    if not case.in_service:
        fresh = case.verdict is Judgement.NONE and case.evidence == NOTHING
        return case if fresh else _released(case, now)
    if case.rule is None:
        return case if case.verdict is not Judgement.NONE else replace(case, evidence=NOTHING)
    if case.verdict is Judgement.NONE:
        return replace(case, evidence=fold(case.evidence, case.rule, seen.outcomes))
    if case.trial is None:
        return _released(case, now) if seen.starts >= STARTS_TO_CLEAR else case
    return _try(case, case.trial, case.rule, seen.outcomes, now)


def _try(case: Case, trial: float, rule: Rule, outcomes: Sequence[bool], now: datetime) -> Case:
    trial, result = on_trial(trial, rule, outcomes)
    if result is Judgement.NONE:
        return _released(case, now)
    if result is Judgement.DEGRADED:
        return _degraded(case, now)
    over = case.verdict_at is None or now - case.verdict_at >= timedelta(seconds=case.hold_seconds)
    verdict = Judgement.SUSPECT if over else case.verdict
    return replace(case, trial=trial, verdict=verdict)


def _all_fall(cases: Sequence[Case], *, alarm: bool) -> bool:
    """The alarm begins when one falls and all others are at least on the way, and ends when most no longer are.

    Being half-way alone is everyday chance, so it counts only at the moment when somebody falls.
    """
    served = [case for case in cases if case.in_service]
    judged = [case for case in served if case.rule is not None]
    if len(judged) < min(2, len(served)) or not judged:
        return False
    falling = sum(case.is_out or _is_falling(case) for case in judged)
    if alarm:
        return falling * 2 > len(judged)
    return falling == len(judged) and any(_is_fallen(case) for case in judged)


def _is_falling(case: Case) -> bool:
    return case.rule is not None and is_falling(case.evidence, case.rule)


def _is_fallen(case: Case) -> bool:
    if not case.in_service or case.rule is None or case.verdict is not Judgement.NONE:
        return False
    return judge(case.evidence, case.rule) is not Judgement.NONE


def _how_far(case: Case) -> tuple[float, int]:
    if case.rule is None:
        return 0.0, -case.member_id
    run = case.evidence.run / case.rule.run_limit
    return max(run, case.evidence.score / case.rule.score_limit), -case.member_id


def _out(case: Case, now: datetime) -> Case:
    if case.rule is not None and judge(case.evidence, case.rule) is Judgement.DEGRADED:
        return _degraded(case, now)
    return replace(case, verdict=Judgement.SUSPECT, verdict_at=now, trial=None, judged_until=now)


def _degraded(case: Case, now: datetime) -> Case:
    """Out for a hold; clicks sent from now on are its trial."""
    hold = min(max(case.hold_seconds * 2, FIRST_HOLD_SECONDS), LONGEST_HOLD_SECONDS)
    return replace(
        case,
        verdict=Judgement.DEGRADED,
        verdict_at=now,
        hold_seconds=hold,
        trial=0.0,
        judged_until=now,
    )


def _released(case: Case, now: datetime, *, keep: bool = False) -> Case:
    """Without a verdict. Unless `keep`, trusted anew: only clicks sent from now on count."""
    if keep:
        return replace(case, verdict=Judgement.NONE, verdict_at=None, trial=None)
    return replace(
        case,
        evidence=NOTHING,
        verdict=Judgement.NONE,
        verdict_at=None,
        hold_seconds=0,
        trial=None,
        judged_until=now,
    )
