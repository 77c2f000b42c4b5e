"""From the update to what the person is told: limits, cooldowns, buttons and locks in front of real handlers."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any, cast

import pytest
from redis import RedisError

from models import Bot
from services.core.metrics import CALLBACKS_REFUSED, RATE_LIMIT_HITS
from services.core.rate_limits import RateLimit
from services.core.settings import Settings
from services.messaging.limits.judge import Judge
from services.messaging.updates import effects_writer
from services.messaging.updates.update_consumers import UpdateConsumers
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging.draining import QUICK, consumers, handle_all
from tests.services.messaging.limits import plugins_for_tests
from tools.servers.fleet import Plugins, accept_all, add_bot, message, working
from tools.servers.sandbox import Sandbox, wait_until

SHOP: Plugins = (("shop", {}),)
LIMITED = "⏳ Muitos comandos em pouco tempo. Aguarde"
COOLING = "⏸️ Processando sua solicitação anterior..."
LOCKED = "🔒 Operação em andamento. Aguarde."
NOT_VALID = "⚠️ Essa ação não é válida mais."


@pytest.fixture(autouse=True)
def _nothing_handled_yet() -> None:
    plugins_for_tests.handled.clear()


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot whose replies stay in its outbox, because nobody sends."""
    return add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35}, SHOP)


@pytest.fixture
def inbound(platform: Platform) -> UpdateConsumers:
    """The update side of one worker process."""
    return consumers(platform)


def handle(
    platform: Platform, inbound: UpdateConsumers, bot: Bot, *updates: dict[str, Any]
) -> list[dict[str, Any]]:
    """Bring updates in and work them off; what the bot has said since the last time."""
    accept_all(platform, bot, list(updates))
    handle_all(platform, inbound)
    said = said_by(platform, bot)
    platform.redis.delete(*(keys.outbox(bot.id, priority) for priority in keys.OUTBOX_PRIORITIES))
    return said


def said_by(platform: Platform, bot: Bot) -> list[dict[str, Any]]:
    """The calls in the bot's outboxes, messages before answers to taps."""
    entries: list[Any] = []
    for priority in ("reply", "answer"):
        entries += cast(Any, platform.redis.xrange(keys.outbox(bot.id, priority)))
    return [json.loads(fields["call"]) for _, fields in entries]


def tap(update_id: int, user: int, data: str, chat: int | None = None) -> dict[str, Any]:
    """A tap on a button in the chat with the person, or in another."""
    person = {"id": user, "is_bot": False, "first_name": "Ana", "language_code": "pt"}
    shown = message(1, user if chat is None else chat, "menu")["message"]
    query = {"id": str(update_id), "from": person, "message": shown, "chat_instance": "1", "data": data}
    return {"update_id": update_id, "callback_query": query}


def menu(platform: Platform, inbound: UpdateConsumers, bot: Bot, user: int, update_id: int) -> list[str]:
    """The callback_data of the buttons that /menu shows the person."""
    [shown] = handle(platform, inbound, bot, message(update_id, user, "/menu"))
    return [button["callback_data"] for button in shown["params"]["reply_markup"]["inline_keyboard"][0]]


def texts(calls: list[dict[str, Any]]) -> list[str]:
    """What the calls say."""
    return [call["params"].get("text", "") for call in calls]


def test_beyond_the_burst_the_bot_says_so_once_and_others_are_served(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    before = RATE_LIMIT_HITS.labels("bucket")._value.get()
    said = handle(
        platform,
        inbound,
        bot,
        *(message(n, 1, f"text {n}") for n in range(1, 16)),
        message(90, 2, "other", language_code="de"),
    )
    of_one = [call for call in said if call["params"]["chat_id"] == 1]
    assert texts(of_one)[:10] == [f"text {n}" for n in range(1, 11)]
    assert len(of_one) == 11
    assert of_one[10]["params"]["text"].startswith(LIMITED)
    assert "other" in texts(said)
    assert RATE_LIMIT_HITS.labels("bucket")._value.get() - before == 5


@pytest.fixture
def one_start_a_minute(platform: Platform) -> Platform:
    """The same installation with RATE_LIMITS_JSON for one command."""
    limits = {"cmd:/pay": RateLimit(limit=1, window=60)}
    changed = Platform(platform.settings.model_copy(update={"rate_limits_json": limits}))
    return changed


def test_an_action_has_the_limit_that_was_set_for_it_in_the_persons_language(
    one_start_a_minute: Platform, bot: Bot
) -> None:
    platform, inbound = one_start_a_minute, consumers(one_start_a_minute)
    said = handle(
        platform,
        inbound,
        bot,
        *(message(n, 1, "/pay", language_code="en") for n in (1, 2, 3)),
        message(4, 1, "text", language_code="en"),
    )
    assert texts(said)[0] == "paid"
    assert texts(said)[1].startswith("⏳ Too many commands in a short time. Wait ")
    assert texts(said)[2:] == ["text"]


def test_a_sensitive_command_cools_down_and_free_text_does_not(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    menu(platform, inbound, bot, 1, 1)
    said = handle(
        platform,
        inbound,
        bot,
        *(message(n, 1, "/pay") for n in (2, 3, 4)),
        *(message(n, 1, "a") for n in (5, 6)),
    )
    assert texts(said) == ["paid", COOLING, "a", "a"]


def test_the_first_updates_after_a_start_are_judged_too(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    said = handle(platform, inbound, bot, *(message(n, 1, "/pay") for n in (1, 2)))
    assert texts(said) == ["paid", COOLING]


def test_a_button_reaches_its_handler_once_per_cooldown_and_each_tap_is_answered(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    buttons = menu(platform, inbound, bot, 1, 1)
    said = handle(platform, inbound, bot, *(tap(n, 1, buttons[0]) for n in (2, 3, 4)))
    assert plugins_for_tests.handled == ["7"]
    answers = [call for call in said if call["method"] == "answerCallbackQuery"]
    assert [call["params"]["callback_query_id"] for call in answers] == ["2", "3", "4"]
    assert texts(answers) == ["", COOLING, ""]


def test_a_long_payload_comes_back_whole_and_is_lost_with_its_key(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    wide = menu(platform, inbound, bot, 1, 1)[3]
    assert len(wide) <= 64
    assert texts(handle(platform, inbound, bot, tap(2, 1, wide)))[0] == "wide 500"
    platform.redis.delete(*platform.redis.keys("*:payload:*"))
    platform.redis.delete(*platform.redis.keys("*:cool:*"))
    assert texts(handle(platform, inbound, bot, tap(3, 1, wide))) == [NOT_VALID]


def test_forged_foreign_used_and_unknown_buttons_are_refused_with_words_and_counted(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    _, once, everybody, _ = menu(platform, inbound, bot, 1, 1)
    before = {
        reason: CALLBACKS_REFUSED.labels(reason)._value.get() for reason in ("forged", "replayed", "unknown")
    }
    assert texts(handle(platform, inbound, bot, tap(2, 1, once)))[0] == "buy 1"
    platform.redis.delete(*platform.redis.keys("*:cool:*"))
    for update in (
        tap(3, 1, once),  # used
        tap(4, 2, once, chat=1),  # somebody else's
        tap(5, 1, everybody, chat=2),  # another chat's
        tap(6, 1, once[:-1] + "9"),  # changed
        tap(7, 1, "buy:7"),  # made up
    ):
        said = handle(platform, inbound, bot, update)
        assert [call["method"] for call in said] == ["answerCallbackQuery"]
        assert texts(said) == [NOT_VALID]
    assert plugins_for_tests.handled == ["8"]
    assert texts(handle(platform, inbound, bot, tap(8, 2, everybody, chat=1)))[0] == "buy 1"
    after = {
        reason: CALLBACKS_REFUSED.labels(reason)._value.get() - count for reason, count in before.items()
    }
    assert after == {"forged": 3, "replayed": 1, "unknown": 1}


def test_while_redis_takes_no_counts_limits_hold_here_and_single_use_waits(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Judge.judge
    failing: list[int] = []  # how often it shall fail yet

    def judge_or_fail(self: Judge, acts: Any) -> Any:
        if failing:
            failing.pop()
            raise RedisError("OOM")
        return judge(self, acts)

    monkeypatch.setattr(Judge, "judge", judge_or_fail)
    inbound = consumers(platform)
    plain, once, *_ = menu(platform, inbound, bot, 1, 1)
    failing.extend([0] * 2)
    said = handle(platform, inbound, bot, *(message(n, 1, "hi") for n in range(2, 40)))
    assert texts(said).count("hi") == 30  # the window, counted in this process
    failing.extend([0] * 2)
    said = handle(platform, inbound, bot, tap(40, 1, plain), tap(41, 1, once))
    assert plugins_for_tests.handled == ["7", "8"]
    assert failing == []  # the single-use tap met the outage a second time, and waited


def test_updates_handled_again_after_a_crash_are_neither_charged_nor_refused(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()
    dying = consumers(platform, replace(QUICK, shutdown_timeout=0.1), stopping)
    once = menu(platform, dying, bot, 2, 1)[1]
    accept_all(
        platform,
        bot,
        [
            *(message(n, 1, f"text {n}") for n in range(1001, 1010)),
            message(1010, 1, "/pay"),
            tap(1011, 2, once),
        ],
    )
    with monkeypatch.context() as crash:
        crash.setattr(
            effects_writer.EffectsWriter, "write", lambda _self, _batch: None
        )  # dies before the commit
        threads = [threading.Thread(target=dying.consume, args=(lane,)) for lane in range(8)]
        for thread in threads:
            thread.start()
        wait_until(lambda: plugins_for_tests.handled == ["8"])
        wait_until(lambda: platform.redis.zcard(keys.used_actions(bot.id, "1", "text")) == 9)
        stopping.set()
        for thread in threads:
            thread.join(20)
    said = texts(handle(platform, consumers(platform), bot))
    assert sorted(filter(None, said)) == sorted([*(f"text {n}" for n in range(1001, 1010)), "paid", "buy 1"])
    assert plugins_for_tests.handled == ["8", "8"]


def test_the_whole_way_through_the_bot_api(settings: Settings, platform: Platform, sandbox: Sandbox) -> None:
    identity = sandbox.create_bot()
    bot = add_bot(platform, identity, SHOP)
    user = sandbox.create_user()
    sandbox.start(user["id"], identity["username"])
    unpaced = Platform(settings.model_copy(update={"pacing_chat_burst": 100}))
    with working(unpaced, QUICK):
        accept_all(platform, bot, [message(n, user["id"], f"text {n}") for n in range(1, 14)])
        sent = wait_until(
            lambda: [
                each
                for each in sandbox.sent(identity["username"], "sendMessage")
                if each["text"].startswith(LIMITED)
            ],
        )
    assert len(sent) == 1
