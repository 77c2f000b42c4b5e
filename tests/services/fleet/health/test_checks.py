"""What the Bot API's answers say about a bot."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models import Bot
from services.core.errors import Rejected
from services.fleet.health.breaker import Cause, Health
from services.fleet.health.checks import check_identity, outcome_of
from services.platform.platform import Platform
from tests.services.fleet.health.world import make_fleet
from tools.servers.sandbox import Sandbox

Break = Callable[[Sandbox, str], object]


def only_bot(platform: Platform, sandbox: Sandbox) -> tuple[Bot, str]:
    fleet = make_fleet(platform, sandbox, 1)
    with platform.database.reading() as session:
        return session.get_one(Bot, fleet.bot_ids[0]), fleet.names[0]


@pytest.mark.parametrize(
    ("breaks", "verdict", "cause"),
    [
        (lambda box, name: None, Health.GOOD, ""),
        (lambda box, name: box.revoke(name), Health.DEAD, Cause.UNAUTHORIZED),
        (lambda box, name: box.fault("status", status=404, bot=name), Health.DEAD, Cause.NOT_FOUND),
        (
            lambda box, name: box.fault("status", status=400, bot=name, description="FROZEN_METHOD_INVALID"),
            Health.DEAD,
            Cause.FROZEN,
        ),
        (lambda box, name: box.fault("status", status=502, bot=name), Health.TRANSIENT, Cause.SERVER_ERROR),
        (lambda box, name: box.fault("garbage", bot=name), Health.TRANSIENT, Cause.GARBAGE),
        (lambda box, name: box.fault("reset", bot=name), Health.TRANSIENT, Cause.UNREACHABLE),
        (lambda box, name: box.fault("timeout", bot=name), Health.TRANSIENT, Cause.TIMEOUT),
        (lambda box, name: box.fault("429", bot=name, retry_after=9), Health.NONE, ""),
        (lambda box, name: box.fault("status", status=403, bot=name), Health.NONE, ""),
    ],
)
def test_each_answer_has_its_verdict_and_cause(
    platform: Platform, sandbox: Sandbox, breaks: Break, verdict: Health, cause: str
) -> None:
    quick = Platform(platform.settings.model_copy(update={"health_timeout_seconds": 0.5}))
    bot, name = only_bot(platform, sandbox)
    breaks(sandbox, name)
    outcome = check_identity(quick, bot)
    assert (outcome.verdict, outcome.cause) == (verdict, cause)
    assert outcome.ms < 2000
    assert sandbox.bot(name)["token"] not in str(outcome.detail)


def test_a_token_our_keys_do_not_open_says_nothing_about_the_bot(
    platform: Platform, sandbox: Sandbox
) -> None:
    bot, _ = only_bot(platform, sandbox)
    bot.sealed_token = "not sealed by us"
    assert check_identity(platform, bot).verdict is Health.NONE


def test_a_403_about_a_user_never_counts() -> None:
    blocked = Rejected("Forbidden: bot was blocked by the user", error_code=403)
    assert outcome_of(blocked).verdict is Health.NONE
