"""The conversion signal: does a member still turn clicks into starts? Pure statistics over immutable values.

Evidence is gathered click by click as clicks mature: the run of misses, and the score of Page's CUSUM test, the log
likelihood of "half of what is usual" over "as usual". Each has a limit beyond which chance is no longer an explanation.

**What chance may do.** A healthy member starts a click with probability p. Among n clicks, runs of at least r misses
begin about n·p·(1−p)^r times: each begins behind a start, and r misses follow. Setting that to `ALARMS_PER_WEEK` and
solving for r gives the run's limit. CUSUM under healthy traffic takes at least e^h clicks on average to reach h
(Lorden's bound), so h = ln(n / ALARMS_PER_WEEK), times `DISPERSION`. n is the clicks of a week in which every hour is
as busy as the busiest.

**What p is.** Not the member's own rate p0 itself: its lower confidence bound (200 clicks know little), times
`LATE`, since one start in twenty comes after its click was judged, times `SWING`, since rates swing with the hour
and the campaign far more than independent clicks would. A half that is sustained is tested against the same p.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FEWEST_CLICKS: Final = 200
LOWEST_RATE, HIGHEST_RATE = 0.1, 0.8
SHORTEST_LAG, LONGEST_LAG = 60, 600  # seconds
HOURS_PER_WEEK: Final = 168
ALARMS_PER_WEEK: Final = 0.05  # of each of the two tests; one in all is promised
CONFIDENCE: Final = 2.0  # standard deviations below the measured rate
LATE: Final = 0.95  # the lag is the 95th percentile
SWING: Final = 0.7
HALF: Final = 0.5  # a sustained rate under half of what is usual
STARTS_TO_CLEAR: Final = 3
DISPERSION: Final = 3.0  # a bad hour is not a sustained rate: clicks of an hour resemble each other
ODDS: Final = 3.0  # ln 20, where a verdict can be taken back soon: one rate is twenty times as likely
LAG_STEP: Final = 30  # seconds; the grain of the lags that are kept
LAG_STEPS: Final = LONGEST_LAG // LAG_STEP + 1  # the last one: later than that
SUSPECT_SHARE: Final = 0.02
SUSPECT_CLICKS_PER_HOUR: Final = 60.0  # at least one a minute


class Judgement(StrEnum):
    """What the evidence says. The words are kept in rows."""

    NONE = ""
    SUSPECT = "suspect"
    DEGRADED = "degraded"


@dataclass(frozen=True)
class Usual:
    """A member's seven days: matured clicks, their starts, the clicks of its busiest hour, and the lag in seconds."""

    clicks: int = 0
    starts: int = 0
    busiest_hour: int = 0
    lag_seconds: int = LONGEST_LAG

    @property
    def rate(self) -> float | None:
        """The start rate as it was, or None without clicks."""
        return self.starts / self.clicks if self.clicks else None


@dataclass(frozen=True)
class Rule:
    """What follows from a member's usual traffic.

    `baseline` is p0; `run_limit` misses in a row make it suspect; a `score_limit` reached makes it degraded, each start
    adding `on_start` (negative) and each miss `on_miss` to the score.
    """

    baseline: float
    run_limit: int
    score_limit: float
    on_start: float
    on_miss: float


@dataclass(frozen=True)
class Evidence:
    """What the clicks since the last verdict say: misses in a row, and the score (never below 0)."""

    run: int = 0
    score: float = 0.0


@dataclass(frozen=True)
class Hour:
    """Matured clicks of one hour; `lags` counts the starts per `LAG_STEP` seconds of lag, the last one all later."""

    clicks: int
    starts: int
    lags: Sequence[int] = ()


def usual_of(hours: Iterable[Hour]) -> Usual:
    """What seven days of hours add up to."""
    known = list(hours)
    lags = [sum(counts) for counts in zip(*(hour.lags for hour in known if hour.lags), strict=True)]
    return Usual(
        clicks=sum(hour.clicks for hour in known),
        starts=sum(hour.starts for hour in known),
        busiest_hour=max((hour.clicks for hour in known), default=0),
        lag_seconds=lag_of(lags),
    )


def lag_of(lags: Sequence[int]) -> int:
    """The 95th percentile of the lag in seconds, rounded up to the grain and clamped; the longest without starts."""
    total, seen = sum(lags), 0
    for step, count in enumerate(lags):
        seen += count
        if total and seen >= LATE * total:
            return max(SHORTEST_LAG, min(LONGEST_LAG, (step + 1) * LAG_STEP))
    return LONGEST_LAG


def rule_of(usual: Usual) -> Rule | None:
    """The limits for a member, or None while nothing can be said of it.

    That is so with under 200 matured clicks, and for one whose measured rate lies below what the lowest baseline expects
    after all allowances (6.65 %): the clamp would promise starts that this bot never had, and every hour be an alarm.
    """
    if usual.clicks < FEWEST_CLICKS:
        return None
    measured = usual.starts / usual.clicks
    if measured < LOWEST_RATE * LATE * SWING:
        return None
    baseline = min(HIGHEST_RATE, max(LOWEST_RATE, measured))
    floor = min(HIGHEST_RATE, max(LOWEST_RATE, lower_bound(usual.starts, usual.clicks)))
    as_usual, half = floor * LATE * SWING, floor * LATE * HALF
    per_week = max(usual.clicks, HOURS_PER_WEEK * usual.busiest_hour)
    return Rule(
        baseline=baseline,
        run_limit=run_limit(as_usual, per_week),
        score_limit=DISPERSION * math.log(per_week / ALARMS_PER_WEEK),
        on_start=math.log(half / as_usual),
        on_miss=math.log((1 - half) / (1 - as_usual)),
    )


def run_limit(probability: float, clicks_per_week: float) -> int:
    """The shortest run r with clicks · p · (1−p)^r ≤ `ALARMS_PER_WEEK`."""
    chances = clicks_per_week * probability / ALARMS_PER_WEEK
    return max(1, math.ceil(math.log(chances) / -math.log1p(-probability)))


def lower_bound(starts: int, clicks: int) -> float:
    """Wilson's lower bound of a rate, `CONFIDENCE` standard deviations below."""
    z2 = CONFIDENCE**2
    rate = starts / clicks
    spread = CONFIDENCE * math.sqrt(rate * (1 - rate) / clicks + z2 / (4 * clicks * clicks))
    return max(0.0, (rate + z2 / (2 * clicks) - spread) / (1 + z2 / clicks))


def fold(evidence: Evidence, rule: Rule, outcomes: Iterable[bool]) -> Evidence:
    """The evidence after these matured clicks, in order (True: started).

    The score is kept at or above 0, which makes old good times irrelevant (Page), and at or below its limit, so that
    what was bad for long can be seen to recover.
    """
    run, score = evidence.run, evidence.score
    for started in outcomes:
        if started:
            run, score = 0, max(0.0, score + rule.on_start)
        else:
            run, score = run + 1, min(rule.score_limit, score + rule.on_miss)
    return Evidence(run, score)


def judge(evidence: Evidence, rule: Rule) -> Judgement:
    """What the evidence says: a run at its limit makes suspect, else a score at its limit degraded."""
    if evidence.run >= rule.run_limit:
        return Judgement.SUSPECT
    return Judgement.DEGRADED if evidence.score >= rule.score_limit else Judgement.NONE


def is_falling(evidence: Evidence, rule: Rule) -> bool:
    """Whether "half" is twenty times as likely, or half a run is gone: no verdict, but "the others fall too"."""
    return evidence.run * 2 >= rule.run_limit or evidence.score >= ODDS


def on_trial(trial: float, rule: Rule, outcomes: Iterable[bool]) -> tuple[float, Judgement | None]:
    """A degraded member's trickle after its hold: the evidence, and NONE (recovered), DEGRADED (not), or None: go on."""
    for started in outcomes:
        trial += rule.on_start if started else rule.on_miss
        if trial <= -ODDS:
            return trial, Judgement.NONE
        if trial >= ODDS:
            return trial, Judgement.DEGRADED
    return trial, None


def probe_share_of(clicks_per_hour: float) -> float:
    """The part of its traffic that a suspect keeps: 2 %, and as much more as one click a minute takes."""
    if clicks_per_hour <= SUSPECT_CLICKS_PER_HOUR:
        return 1.0
    return max(SUSPECT_SHARE, SUSPECT_CLICKS_PER_HOUR / clicks_per_hour)
