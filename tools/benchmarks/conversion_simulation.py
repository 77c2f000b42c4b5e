"""What the conversion signal does over simulated weeks: `python -m tools.benchmarks.conversion_simulation [BOTS] [WEEKS]`.

Healthy members must hardly ever be suspected; dead ones must leave within the clicks that the rule states, and return by
starts. It runs the very functions that the job runs, with a fixed seed; no database, no clock. Exits with 1 on a miss.
"""

from __future__ import annotations

import math
import random
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from services.fleet.health.conversion import (
    HOURS_PER_WEEK,
    LATE,
    Evidence,
    Judgement,
    Rule,
    Usual,
    fold,
    judge,
    probe_share_of,
    rule_of,
)
from services.fleet.health.conversion_pool import Case, Seen, decide

SEED = 20261120
CLICKS_PER_HOUR = 2250
LOOK_SECONDS = 10
BATCH = CLICKS_PER_HOUR * LOOK_SECONDS // 3600  # clicks of a member per look
RATES = (0.1, 0.3, 0.5, 0.7)
LAG_SECONDS = 60  # the shortest; starts come after 15 s on average here
BEGIN = datetime(2026, 11, 2, tzinfo=UTC)
Traffic = Callable[[float, int, random.Random], float]


@dataclass
class Healthy:
    """What happened to healthy members of one start rate."""

    rate: float
    bot_weeks: float
    suspected: int = 0
    degraded: int = 0
    run_limits: set[int] = field(default_factory=set)

    @property
    def per_bot_and_week(self) -> float:
        """False alarms of both kinds."""
        return (self.suspected + self.degraded) / self.bot_weeks


def steady(rate: float, hour: int, chance: random.Random) -> float:
    """The same start rate at all times."""
    return rate


def swinging(rate: float, hour: int, chance: random.Random) -> float:
    """A fifth more by day and less by night, and a tenth (one standard deviation) of noise per hour."""
    day = 1 + 0.2 * math.sin(2 * math.pi * hour / 24)
    return min(0.98, max(0.01, rate * day * (1 + chance.gauss(0, 0.1))))


def healthy(rate: float, bots: int, weeks: int, traffic: Traffic, seed: int = SEED) -> Healthy:
    """`bots` healthy members for `weeks` after a week in which their usual rate is learnt."""
    chance = random.Random(f"{seed}/{rate}/{traffic.__name__}")
    found = Healthy(rate, bots * weeks)
    for _ in range(bots):
        _live(found, chance, weeks, traffic)
    return found


def _live(found: Healthy, chance: random.Random, weeks: int, traffic: Traffic) -> None:
    starts: deque[int] = deque(maxlen=HOURS_PER_WEEK)
    evidence, rule = Evidence(), None
    for hour in range(HOURS_PER_WEEK * (weeks + 1)):
        now = traffic(found.rate, hour, chance)
        if hour < HOURS_PER_WEEK:  # the first week only teaches; its sum is all that matters
            spread = math.sqrt(CLICKS_PER_HOUR * now * (1 - now))
            starts.append(round(chance.gauss(CLICKS_PER_HOUR * now, spread)))
            continue
        clicks = len(starts) * CLICKS_PER_HOUR
        rule = rule_of(Usual(clicks, sum(starts), CLICKS_PER_HOUR, LAG_SECONDS))
        if rule is None:
            raise SystemExit("a member with a week of clicks must have a rule")
        found.run_limits.add(rule.run_limit)
        outcomes = [chance.random() < now for _ in range(CLICKS_PER_HOUR)]
        starts.append(sum(outcomes))
        seen = [started and chance.random() < LATE for started in outcomes]
        evidence = _watch(found, evidence, rule, seen)


def _watch(found: Healthy, evidence: Evidence, rule: Rule, seen: Sequence[bool]) -> Evidence:
    for begin in range(0, len(seen), BATCH):
        evidence = fold(evidence, rule, seen[begin : begin + BATCH])
        verdict = judge(evidence, rule)
        if verdict is not Judgement.NONE:
            found.suspected += verdict is Judgement.SUSPECT
            found.degraded += verdict is Judgement.DEGRADED
            evidence = Evidence()
    return evidence


@dataclass
class Pool:
    """Six members at work: clicks in seconds since the begin, with the second of their start, if any."""

    rate: float
    chance: random.Random
    cases: list[Case]
    clicks: list[deque[tuple[float, float | None]]]
    started: list[list[float]]
    quality: list[float]
    sent: list[int]
    alarm: bool = False
    now: float = 0.0

    @property
    def verdicts(self) -> list[Judgement]:
        """The members' verdicts in order."""
        return [case.verdict for case in self.cases]

    def look(self) -> None:
        """Ten seconds of clicks, then one look as the job makes it."""
        self._click()
        self.now += LOOK_SECONDS
        moment = BEGIN + timedelta(seconds=self.now)
        seen = {case.member_id: self._seen(case) for case in self.cases}
        decision = decide(self.cases, seen, moment, alarm=self.alarm)
        self.cases, self.alarm = list(decision.cases), decision.alarm

    def _click(self) -> None:
        shares = [_share(case) for case in self.cases]
        for _ in range(len(self.cases) * BATCH):
            index = self.chance.choices(range(len(shares)), shares)[0]
            at = self.now + self.chance.random() * LOOK_SECONDS
            starts = self.chance.random() < self.rate * self.quality[index]
            start = at + self.chance.expovariate(1 / 15) if starts else None
            self.clicks[index].append((at, start))
            self.sent[index] += 1
            if start is not None:
                self.started[index].append(start)

    def _seen(self, case: Case) -> Seen:
        """Matured clicks that were sent after the last judgement; starts since the verdict."""
        waiting = self.clicks[case.member_id]
        since = (case.judged_until - BEGIN).total_seconds() if case.judged_until else -1.0
        outcomes = []
        while waiting and waiting[0][0] <= self.now - LAG_SECONDS:
            at, start = waiting.popleft()
            if at > since:
                outcomes.append(start is not None and start <= self.now)
        at = (case.verdict_at - BEGIN).total_seconds() if case.verdict_at else self.now
        starts = sum(at < start <= self.now for start in self.started[case.member_id])
        return Seen(outcomes, starts)


def _share(case: Case) -> float:
    if case.verdict is Judgement.DEGRADED:
        return 0.0
    return probe_share_of(CLICKS_PER_HOUR) if case.verdict is Judgement.SUSPECT else 1.0


def make_pool(rate: float, members: int = 6, seed: int = SEED) -> Pool:
    """Members that have had a week at `rate`."""
    week = HOURS_PER_WEEK * CLICKS_PER_HOUR
    rule = rule_of(Usual(week, round(week * rate), CLICKS_PER_HOUR, LAG_SECONDS))
    return Pool(
        rate=rate,
        chance=random.Random(f"{seed}/{rate}/{members}"),
        cases=[Case(index, rule) for index in range(members)],
        clicks=[deque() for _ in range(members)],
        started=[[] for _ in range(members)],
        quality=[1.0] * members,
        sent=[0] * members,
    )


def stated_clicks(rule: Rule) -> int:
    """The clicks within which the rule promises that a dead member leaves: its run, and those sent while it matures."""
    unripe = (LAG_SECONDS + 2 * LOOK_SECONDS) * CLICKS_PER_HOUR / 3600
    return rule.run_limit + math.ceil(unripe + 3 * math.sqrt(unripe))


@dataclass(frozen=True)
class Incident:
    """What became of failing members: clicks sent to each until it left (-1: it stayed), and how the dead returned.

    `wrongly` counts the others that left; times are in seconds.
    """

    rate: float
    stated: int
    clicks: list[int]
    seconds: float
    wrongly: int
    return_clicks: list[int] = field(default_factory=list)
    return_seconds: float = 0.0
    alarm: bool = False


def two_dead_of_six(rate: float, seed: int = SEED) -> Incident:
    """Two members stop starting, with a getMe as good as ever; after half an hour they come back to life."""
    pool = make_pool(rate, seed=seed)
    fail(pool, (), quality=1.0, seconds=900)
    dead = (1, 4)
    incident = fail(pool, dead, quality=0.0, seconds=1800)
    for index in dead:
        pool.quality[index] = 1.0
    before, revived = list(pool.sent), pool.now
    back: dict[int, tuple[int, float]] = {}
    while len(back) < len(dead) and pool.now - revived < 24 * 3600:
        pool.look()
        for index in dead:
            if pool.verdicts[index] is Judgement.NONE:
                back.setdefault(index, (pool.sent[index] - before[index], pool.now - revived))
    return replace(
        incident,
        return_clicks=[back.get(index, (-1, 0.0))[0] for index in dead],
        return_seconds=max(at for _, at in back.values()) if back else -1.0,
    )


def fail(pool: Pool, which: Sequence[int], *, quality: float, seconds: float) -> Incident:
    """Let members start `quality` times as often as usual from now on."""
    for index in which:
        pool.quality[index] = quality
    before, begun = list(pool.sent), pool.now
    left: dict[int, tuple[int, float]] = {}
    alarm = False
    while pool.now - begun < seconds:
        pool.look()
        alarm = alarm or pool.alarm
        for index, verdict in enumerate(pool.verdicts):
            if verdict is not Judgement.NONE:
                left.setdefault(index, (pool.sent[index] - before[index], pool.now - begun))
    return Incident(
        rate=pool.rate,
        stated=stated_clicks(rule) if (rule := pool.cases[0].rule) else 0,
        clicks=[left.get(index, (-1, 0.0))[0] for index in which],
        seconds=max((at for index, (_, at) in left.items() if index in which), default=0.0),
        wrongly=sum(index not in which for index in left),
        alarm=alarm,
    )


def main(bots: int = 6, weeks: int = 4) -> int:
    """Print the tables; 1 when a promise was not kept."""
    kept = True
    print(f"Healthy, {bots} bots, {weeks} weeks, {CLICKS_PER_HOUR} clicks/h each; seed {SEED}")
    print("traffic    start rate  run limit  suspected  degraded  false alarms per bot and week")
    for traffic in (steady, swinging):
        for rate in RATES:
            found = healthy(rate, bots, weeks, traffic)
            kept &= found.per_bot_and_week < 1
            limits = f"{min(found.run_limits)}-{max(found.run_limits)}"
            row = f"{found.suspected:9}  {found.degraded:8}  {found.per_bot_and_week:29.3f}"
            print(f"{traffic.__name__:9}  {rate:10}  {limits:>9}  {row}")
    print("\nTwo dead of six, getMe good: clicks sent to each until it left; alive again after 30 minutes")
    print("start rate  stated  clicks      seconds  others out  clicks to return  seconds to return")
    for rate in RATES:
        case = two_dead_of_six(rate)
        kept &= all(0 <= clicks <= case.stated for clicks in case.clicks) and not case.wrongly
        back = f"{case.return_clicks!s:>16}  {case.return_seconds:17.0f}"
        print(
            f"{rate:10}  {case.stated:6}  {case.clicks!s:10}  {case.seconds:7.0f}  {case.wrongly:10}  {back}"
        )
    print("\nOne of six at 40 % of its usual rate for six hours; all six at 20 % for an hour")
    print("start rate  clicks until it left  seconds  others out    all: alarm  left")
    for rate in RATES:
        pool = make_pool(rate)
        one = fail(pool, (2,), quality=0.4, seconds=6 * 3600)
        every = fail(make_pool(rate), range(6), quality=0.2, seconds=3600)
        out = sum(clicks >= 0 for clicks in every.clicks)
        kept &= one.clicks[0] >= 0 and not one.wrongly and every.alarm and not out
        print(
            f"{rate:10}  {one.clicks[0]:20}  {one.seconds:7.0f}  {one.wrongly:10}    {every.alarm!s:>10}  {out:4}"
        )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:3])))
