"""Windows, buckets, cooldowns and single-use buttons, judged by a real Valkey."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.core.rate_limits import RateLimit
from services.core.settings import Settings
from services.messaging.buttons.callback_data import Opened
from services.messaging.limits.judge import Act, Judge, Rates
from services.messaging.limits.verdicts import Refusal, Verdict
from services.platform.platform import Platform
from services.platform.redis.connection import fast_client

START = int(time.time() * 1000)
NO_BUCKET = {"per_minute": 0.0, "burst": 10, "cooldown": 3.0}


def act(update_id: int, after: float = 0.0, **changes: Any) -> Act:
    """Something user 5 does `after` seconds from START."""
    given = {"bot_id": 1, "user": "5", "action": "text", **changes}
    return Act(update_id=update_id, at=START + int(after * 1000), **given)


def window(limit: int, seconds: int, **changes: Any) -> Rates:
    """A window and nothing else, unless said otherwise."""
    return Rates(window=RateLimit(limit=limit, window=seconds), **{**NO_BUCKET, **changes})


@pytest.fixture
def judge(platform: Platform) -> Judge:
    """On an empty Valkey."""
    return Judge(platform.redis)


def refusals(verdicts: list[Verdict]) -> list[Refusal | None]:
    """Why each was refused."""
    return [verdict.refusal for verdict in verdicts]


def test_a_window_slides(judge: Judge) -> None:
    rates = window(3, 10)
    moments = (0, 4, 8, 9.999, 10, 13.999, 14, 18)
    verdicts = judge.judge([(act(n, moment), rates) for n, moment in enumerate(moments)])
    over = Refusal.WINDOW
    assert refusals(verdicts) == [None, None, None, over, None, over, None, None]


def test_no_window_of_any_length_holds_more_than_its_limit(judge: Judge) -> None:
    chance = random.Random(5)
    moments = sorted(chance.uniform(0, 60) for _ in range(400))
    for limit, seconds in ((1, 1), (7, 5), (30, 20)):
        action = f"cmd:/{limit}"
        acts = [(act(n, at, action=action), window(limit, seconds)) for n, at in enumerate(moments)]
        passed = [
            one.at for (one, _), verdict in zip(acts, judge.judge(acts), strict=True) if not verdict.refusal
        ]
        refused = [one.at for one, _ in acts if one.at not in passed]
        for at in passed + refused:
            inside = sum(at - seconds * 1000 < other <= at for other in passed)
            assert inside <= limit
            assert at not in refused or inside == limit  # nobody is refused without need


def test_the_bucket_lets_a_burst_through_and_then_its_rate(judge: Judge) -> None:
    rates = window(10_000, 60, per_minute=30.0, burst=10)
    at_once = judge.judge([(act(n), rates) for n in range(12)])
    assert refusals(at_once) == [None] * 10 + [Refusal.BUCKET] * 2
    later = judge.judge([(act(100 + n, 4.0), rates) for n in range(4)])
    assert refusals(later) == [None, None, Refusal.BUCKET, Refusal.BUCKET]


def test_an_act_that_is_judged_behind_later_ones_is_refused_only_if_there_were_too_many(judge: Judge) -> None:
    """A process died with it, and while Redis was away nobody had counted it."""
    rates = window(10_000, 60, per_minute=30.0, burst=3)
    later = judge.judge([(act(n, 60.0), rates) for n in (2, 3)])
    behind = judge.judge([(act(1, 0.0), rates), (act(0, 0.0), rates)])
    assert refusals(later + behind) == [None, None, None, Refusal.BUCKET]


def test_a_message_that_was_held_up_is_no_flood_behind_a_tap_that_counts_when_it_came(judge: Judge) -> None:
    """After an outage: taps count at their arrival, messages when they were written."""
    rates = window(10_000, 60, per_minute=30.0, burst=10)
    tap = judge.judge([(act(1, 60.0, action="cb:buy"), rates)])
    held_up = judge.judge([(act(2, 5.0, action="cmd:/start"), rates)])
    assert refusals(tap + held_up) == [None, None]


def test_both_must_pass_and_what_is_refused_is_charged_to_neither(judge: Judge) -> None:
    rates = window(2, 1, per_minute=60.0, burst=3)
    verdicts = judge.judge([(act(n, n * 0.01), rates) for n in range(10)])
    assert refusals(verdicts) == [None, None] + [Refusal.WINDOW] * 8
    verdicts = judge.judge([(act(20, 1.1), rates), (act(21, 1.1), rates)])
    assert refusals(verdicts) == [None, None]


def test_an_update_that_comes_again_passes_again_and_is_charged_once(judge: Judge) -> None:
    rates = window(5, 60, per_minute=5.0, burst=5)
    acts = [(act(n, n * 5), rates) for n in range(5)]
    first = judge.judge(acts)
    again = judge.judge(acts[:3]) + judge.judge(acts)
    assert refusals(first + again) == [None] * 13
    assert judge.judge([(act(9, 21), rates)])[0].refusal is Refusal.WINDOW


def test_the_person_is_told_once_per_window_and_again_when_that_update_is_repeated(judge: Judge) -> None:
    rates = window(1, 60)
    verdicts = judge.judge([(act(n, n), rates) for n in range(5)])
    assert [verdict.tell for verdict in verdicts[1:]] == [True, False, False, False]
    repeated = judge.judge([(act(1, 1), rates), (act(2, 2), rates)])
    assert [verdict.tell for verdict in repeated] == [True, False]
    assert 1 <= verdicts[1].wait_seconds <= 60


def test_limits_of_bots_users_and_actions_do_not_touch(judge: Judge) -> None:
    rates = window(1, 60)
    acts = [act(1), act(2, bot_id=2), act(3, user="6"), act(4, action="cmd:/start")]
    assert refusals(judge.judge([(each, rates) for each in acts])) == [None] * 4


def test_a_cooldown_refuses_the_second_tap_tells_once_and_ends(judge: Judge) -> None:
    rates = window(100, 60)
    acts = [act(n, at, cooling="cb:buy") for n, at in enumerate((0, 1, 2, 2.999, 3))]
    verdicts = judge.judge([(each, rates) for each in acts])
    assert refusals(verdicts) == [None] + [Refusal.COOLDOWN] * 3 + [None]
    assert [verdict.tell for verdict in verdicts[1:4]] == [True, False, False]
    assert judge.judge([(act(4, 3, cooling="cb:buy"), rates)])[0].refusal is None  # the same update again


def test_free_text_never_cools_down(judge: Judge) -> None:
    assert refusals(judge.judge([(act(n), window(100, 60)) for n in range(20)])) == [None] * 20


def test_a_single_use_button_is_used_by_one_update_only_however_many_race(settings: Settings) -> None:
    used = Opened("pay", "", once=True, kept=False, expires_at=START // 1000 + 300, signature="s")
    clients = [fast_client(settings) for _ in range(2)]
    clients[0].flushall()
    judges = [Judge(client) for client in clients]
    rates = window(10_000, 60, cooldown=0.0)

    def tap(update_id: int) -> Verdict:
        return judges[update_id % 2].judge([(act(update_id, opened=used), rates)])[0]

    with ThreadPoolExecutor(16) as threads:
        verdicts = list(threads.map(tap, range(1, 101)))
    winners = [n for n, verdict in enumerate(verdicts, 1) if verdict.refusal is None]
    assert len(winners) == 1
    assert refusals(verdicts).count(Refusal.REPLAYED) == 99
    assert tap(winners[0]).refusal is None  # its own update, handled again after a crash
    for client in clients:
        client.close()


def test_processes_share_one_window(settings: Settings) -> None:
    clients = [fast_client(settings) for _ in range(2)]
    clients[0].flushall()
    judges = [Judge(client) for client in clients]

    def use(n: int) -> Verdict:
        return judges[n % 2].judge([(act(n, n / 1000), window(30, 60))])[0]

    with ThreadPoolExecutor(16) as threads:
        verdicts = list(threads.map(use, range(200)))
    assert refusals(verdicts).count(None) == 30  # though they reach the server out of order
    for client in clients:
        client.close()


def test_every_key_of_the_judge_has_an_end(platform: Platform, judge: Judge) -> None:
    used = Opened("pay", "", once=True, kept=False, expires_at=START // 1000 + 300, signature="s")
    rates = window(1, 60, per_minute=30.0)
    judge.judge([(act(n, cooling="cb:pay", opened=used), rates) for n in range(3)])
    names = list(platform.redis.scan_iter())
    assert len(names) == 5
    assert all(0 < platform.redis.ttl(name) <= 400 for name in names)
