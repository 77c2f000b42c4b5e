"""How much of Redis idempotency keys take, and what is left of them when they end. The rest: tests/web/test_api_hooks.py."""

from __future__ import annotations

import random
import string
from uuid import uuid4

import pytest

from services.core.errors import RateLimited, Unavailable
from services.messaging.limits.idempotency import LARGEST_ANSWER, Answer, Claim, IdempotencyKeys
from services.platform.platform import Platform
from services.platform.redis import keys

HALF = 50
GREEDY, OTHER = 1, 2
BYTES_PER_KEY = 4_300  # as docs/configuration.md says


@pytest.fixture
def requests(platform: Platform) -> IdempotencyKeys:
    """With room for two times HALF keys of an account."""
    settings = platform.settings.model_copy(update={"idempotency_keys_per_account": 2 * HALF})
    return IdempotencyKeys(Platform(settings))


def carry_out(requests: IdempotencyKeys, account_id: int, actor: str, answer: Answer | None) -> Claim:
    """One request with a key of its own."""
    claim = requests.claim(account_id, actor, str(uuid4()), random.randbytes(100_000))
    assert isinstance(claim, Claim)
    requests.settle(claim, answer)
    return claim


def memory_of(platform: Platform) -> int:
    """Bytes that all keys in Redis take."""
    names = [str(name) for name in platform.redis.keys("*")]
    return sum(int(platform.redis.memory_usage(name, samples=0) or 0) for name in names)


def longest_answers(requests: IdempotencyKeys) -> list[Answer]:
    """As long a body as is kept of what cannot be compressed, and a longer one."""
    letters = "".join(random.choices(string.ascii_letters + string.digits, k=100_000))
    short = Answer(200, {}, letters[:3_050])
    assert 0.95 * LARGEST_ANSWER < len(requests._sealed("record", short)) <= LARGEST_ANSWER
    return [short, Answer(200, {}, letters)]


def test_a_flood_of_one_tenant_takes_a_bounded_part_of_redis_and_the_other_s_request_passes(
    platform: Platform, requests: IdempotencyKeys
) -> None:
    answers, refused = longest_answers(requests), []
    for number in range(4 * HALF):
        try:
            carry_out(requests, GREEDY, f"key:{number % 4}", answers[number % 8 == 0])
        except RateLimited as error:
            refused.append((error.code, error.status))
    assert refused == [("idempotency_limit", 429)] * (2 * HALF)
    used = memory_of(platform)  # with the 5,000 keys of the default 50 times as much
    assert 2 * HALF * 3_000 < used < 2 * HALF * BYTES_PER_KEY
    carry_out(requests, OTHER, "key:1", answers[0])


def test_no_caller_takes_more_than_half_of_what_its_account_may(requests: IdempotencyKeys) -> None:
    for _ in range(HALF):
        carry_out(requests, GREEDY, "key:1", Answer(200, {}, ""))
    with pytest.raises(RateLimited) as full:
        carry_out(requests, GREEDY, "key:1", Answer(200, {}, ""))
    assert full.value.retry_after
    assert 86_000 < full.value.retry_after <= 86_400
    carry_out(requests, GREEDY, "account:1", Answer(200, {}, ""))


def test_a_freed_key_is_not_counted_and_an_ended_one_makes_room(
    platform: Platform, requests: IdempotencyKeys
) -> None:
    for _ in range(3 * HALF):
        carry_out(requests, GREEDY, "key:1", None)
    assert platform.redis.keys("*:api:*") == []
    kept = [carry_out(requests, GREEDY, "key:1", Answer(200, {}, "")) for _ in range(HALF)]
    with pytest.raises(RateLimited):
        carry_out(requests, GREEDY, "key:1", None)
    for index in kept[0].keys[1:]:  # as if its day were over
        platform.redis.zadd(index, {kept[0].name: 1})
    carry_out(requests, GREEDY, "key:1", Answer(200, {}, ""))


def test_a_claim_whose_process_died_counts_for_two_minutes(
    platform: Platform, requests: IdempotencyKeys
) -> None:
    claim = requests.claim(GREEDY, "key:1", str(uuid4()), b"")
    assert isinstance(claim, Claim)
    assert all(0 < platform.redis.ttl(name) <= 120 for name in claim.keys)
    requests.settle(claim, Answer(200, {}, ""))
    assert all(86_000 < platform.redis.ttl(name) <= 86_400 for name in claim.keys)
    assert platform.redis.zcard(keys.idempotent_requests(GREEDY)) == 1


def test_with_redis_short_of_memory_answers_are_given_again_and_no_new_key_is_claimed(
    platform: Platform, requests: IdempotencyKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.queueing.memory_guard.CHECK_INTERVAL_SECONDS", 0.0)
    key = str(uuid4())
    claim = requests.claim(GREEDY, "key:1", key, b"x")
    assert isinstance(claim, Claim)
    requests.settle(claim, Answer(201, {}, "made"))
    used = int(platform.redis.info("memory")["used_memory"])
    refusals = []
    try:
        for most in (used * 100 // 85, 1):
            platform.redis.config_set("maxmemory", most)
            with pytest.raises(Unavailable) as low:
                carry_out(requests, GREEDY, "key:1", None)
            refusals.append((low.value.code, low.value.retry_after))
            if most > 1:  # at the limit itself a script that may write does not even begin
                assert requests.claim(GREEDY, "key:1", key, b"x") == Answer(201, {}, "made")
    finally:
        platform.redis.config_set("maxmemory", 0)
    assert refusals == [("redis_full", 60)] * 2
    assert len(platform.redis.keys("*:api:once:*")) == 1
