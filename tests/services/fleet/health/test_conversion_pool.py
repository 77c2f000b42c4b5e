"""What a pool does about its members' evidence: the table of verdicts, half at most, and all together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from services.fleet.health.conversion import Evidence, Judgement, Rule, Usual, rule_of
from services.fleet.health.conversion_pool import Case, Decision, Seen, decide

NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
RULE = cast(Rule, rule_of(Usual(378_000, 189_000, 2250)))
DEAD = Seen([False] * RULE.run_limit)
POOR = Evidence(0, RULE.score_limit)
N, S, D = Judgement.NONE, Judgement.SUSPECT, Judgement.DEGRADED


def members(count: int) -> list[Case]:
    return [Case(number, RULE) for number in range(count)]


def verdicts(decision: Decision) -> list[Judgement]:
    return [case.verdict for case in decision.cases]


def suspect(number: int = 0) -> Case:
    return Case(number, RULE, Evidence(40, 5.0), S, NOW, judged_until=NOW)


def degraded(number: int = 0, hold: int = 600) -> Case:
    return Case(number, RULE, POOR, D, NOW, hold, 0.0, NOW)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_run_makes_suspect_and_a_score_degraded() -> None:
    cases = members(6)
    cases[1] = replace(cases[1], evidence=POOR)
    decision = decide(cases, {0: DEAD}, NOW, alarm=False)
    assert verdicts(decision) == [S, D, N, N, N, N]
    assert not decision.alarm
    assert [case.judged_until for case in decision.cases[:2]] == [NOW, NOW], (
        "its trial begins with later clicks"
    )


@pytest.mark.parametrize(("starts", "verdict"), [(0, S), (2, S), (3, N)])
def test_a_suspect_is_cleared_by_three_starts(starts: int, verdict: Judgement) -> None:
    decision = decide([suspect(), *members(6)[1:]], {0: Seen((), starts)}, later(30), alarm=False)
    assert verdicts(decision)[0] is verdict
    if verdict is N:
        assert (decision.cases[0].evidence, decision.cases[0].judged_until) == (Evidence(), later(30))


def test_the_clicks_of_a_suspect_change_nothing_but_by_their_starts() -> None:
    case = suspect()
    assert decide([case, *members(4)[1:]], {0: DEAD}, later(30), alarm=False).cases[0] == case


def test_a_degraded_member_is_tried_after_its_hold_and_held_twice_as_long_when_it_fails() -> None:
    others = members(4)[1:]
    assert verdicts(decide([degraded(), *others], {}, later(599), alarm=False))[0] is D
    tried = decide([degraded(), *others], {}, later(600), alarm=False).cases[0]
    assert (tried.verdict, tried.trial) == (S, 0.0)
    kept = decide([tried, *others], {0: Seen((), 3)}, later(610), alarm=False).cases[0]
    assert kept.verdict is S, "three starts do not prove a rate"
    failed = decide([tried, *others], {0: DEAD}, later(700), alarm=False).cases[0]
    assert (failed.verdict, failed.hold_seconds, failed.verdict_at) == (D, 1200, later(700))
    back = decide([tried, *others], {0: Seen([True] * 20)}, later(700), alarm=False).cases[0]
    assert (back.verdict, back.hold_seconds, back.evidence) == (N, 0, Evidence())


def test_a_hold_has_an_end() -> None:
    tried = replace(degraded(hold=7200), verdict=S)
    failed = decide([tried, *members(4)[1:]], {0: DEAD}, later(9000), alarm=False).cases[0]
    assert failed.hold_seconds == 7200


@pytest.mark.parametrize(("size", "dead", "out"), [(6, 4, 3), (5, 3, 2), (3, 2, 1), (2, 1, 1)])
def test_at_most_half_of_the_members_in_service_leave(size: int, dead: int, out: int) -> None:
    cases = members(size)
    decision = decide(cases, dict.fromkeys(range(dead), DEAD), NOW, alarm=False)
    assert sum(verdict is not N for verdict in verdicts(decision)) == out
    again = decide(decision.cases, dict.fromkeys(range(dead), DEAD), later(10), alarm=False)
    assert sum(verdict is not N for verdict in verdicts(again)) == out


def test_the_worst_leave_first() -> None:
    worse = Seen([False] * (RULE.run_limit * 2))
    decision = decide(members(3), {0: DEAD, 2: worse}, NOW, alarm=False)
    assert verdicts(decision) == [N, N, S]


@pytest.mark.parametrize("size", [1, 2, 6])
def test_all_together_is_the_traffic(size: int) -> None:
    decision = decide(members(size), dict.fromkeys(range(size), DEAD), NOW, alarm=False)
    assert decision.alarm
    assert set(verdicts(decision)) == {N}


def test_others_on_the_way_are_falling_too() -> None:
    on_the_way = Seen([False] * (RULE.run_limit // 2 + 1))
    assert decide(members(3), {0: DEAD, 1: on_the_way, 2: on_the_way}, NOW, alarm=False).alarm
    assert not decide(members(3), {0: DEAD, 1: on_the_way}, NOW, alarm=False).alarm
    assert not decide(members(3), dict.fromkeys(range(3), on_the_way), NOW, alarm=False).alarm


def test_an_alarm_lets_the_suspects_back_and_ends_when_most_are_well() -> None:
    falling = [replace(case, evidence=POOR) for case in members(4)]
    decision = decide([suspect(), *falling[1:]], {}, NOW, alarm=False)
    assert decision.alarm
    assert set(verdicts(decision)) == {N}
    two_well = [*falling[:2], *members(4)[2:]]
    ended = decide(two_well, {}, later(60), alarm=True)
    assert not ended.alarm
    assert verdicts(ended) == [D, D, N, N], "whoever is still far below its own has only itself to blame"


@pytest.mark.parametrize("case", [suspect(), degraded(), replace(members(1)[0], evidence=POOR)])
def test_who_leaves_service_is_trusted_anew(case: Case) -> None:
    after = decide([replace(case, in_service=False), *members(3)[1:]], {}, later(5), alarm=False).cases[0]
    assert (after.verdict, after.evidence, after.judged_until) == (N, Evidence(), later(5))
    assert decide([after], {}, later(9), alarm=False).cases[0] == after


def test_a_member_without_a_rule_is_not_judged_and_no_reason_for_an_alarm() -> None:
    cases = [*members(2), replace(members(3)[2], rule=None)]
    decision = decide(cases, {0: DEAD, 2: DEAD}, NOW, alarm=False)
    assert verdicts(decision) == [S, N, N]
    lonely = decide([replace(one, rule=None) for one in members(3)], {0: DEAD}, NOW, alarm=False)
    assert (set(verdicts(lonely)), lonely.alarm) == ({N}, False)
