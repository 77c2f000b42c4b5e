"""Whom a bot answers: lists, maintenance and captcha in front of real handlers, on the road of updates."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from redis import RedisError
from sqlalchemy import select

from models import AccessList, Bot, Click, Lead, RedirectPool, Start
from services.core.metrics import RATE_LIMIT_HITS
from services.core.times import utc_now
from services.fleet.bots.access import AccessChange, put_entry, set_access
from services.fleet.bots.access_rules import AccessEntry
from services.messaging.limits.judge import Act, Judge, Rates
from services.messaging.limits.verdicts import Verdict
from services.messaging.updates.update_consumers import UpdateConsumers
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.draining import consumers
from tests.services.messaging.limits.test_road import handle, menu, tap, texts
from tools.servers.fleet import Plugins, add_bot, message

BOT: Plugins = (("start", {"welcome_message": "Olá, {first_name}: {start_param}"}), ("shop", {}))
ADMIN, ANA, RUI = 900, 1, 2
MAINTENANCE = "🔧 Estamos mexendo neste bot. Volte daqui a pouco."
NOT_ALLOWED = "🔒 Este bot responde apenas"


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot whose replies stay in its outbox, because nobody sends."""
    return add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35}, BOT)


@pytest.fixture
def inbound(platform: Platform) -> UpdateConsumers:
    """The update side of one worker process."""
    return consumers(platform)


def allow(platform: Platform, bot: Bot, **change: Any) -> None:
    """Change whom the bot answers, as its owner; the worker hears of it at once."""
    set_access(platform, Principal(bot.account_id, "account:1"), bot.id, AccessChange(**change))


def only(*people: int) -> list[AccessEntry]:
    return [AccessEntry(person) for person in people]


def fresh(platform: Platform) -> UpdateConsumers:
    """A worker that has just started."""
    return consumers(platform)


def in_group(update_id: int, user: int, text: str, **fields: Any) -> dict[str, Any]:
    """What somebody writes in a group."""
    written = message(update_id, user, text)
    written["message"].update({"chat": {"id": -50, "type": "supergroup", "title": "G"}, **fields})
    return written


def of_kind(update_id: int, kind: str, user: int, **content: Any) -> dict[str, Any]:
    """An update of another kind from somebody."""
    person = {"id": user, "is_bot": False, "first_name": "Ana", "language_code": "pt"}
    return {"update_id": update_id, kind: {"id": str(update_id), "from": person, **content}}


PAYMENT = {"currency": "BRL", "total_amount": 100, "invoice_payload": "x"}
PAID = {**PAYMENT, "telegram_payment_charge_id": "t", "provider_payment_charge_id": "p"}


def test_the_blocked_get_silence_without_a_look_into_redis_and_others_are_served(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    judge = Judge.judge

    def noting(self: Judge, acts: Sequence[tuple[Act, Rates]]) -> list[Verdict]:
        asked.extend(act.user for act, _ in acts)
        return judge(self, acts)

    monkeypatch.setattr(Judge, "judge", noting)
    allow(platform, bot, blocked=only(ANA))
    before = RATE_LIMIT_HITS.labels("blocked")._value.get()
    said = handle(
        platform,
        fresh(platform),
        bot,
        message(1, ANA, "/start promo"),
        tap(2, ANA, "anything"),
        of_kind(3, "pre_checkout_query", ANA, **PAYMENT),
        message(4, RUI, "/start x"),
        in_group(5, ANA, "/menu"),
    )
    assert asked == [str(RUI)]
    methods = sorted((call["method"], call["params"].get("text", "")) for call in said)
    assert methods == [
        ("answerCallbackQuery", ""),
        ("answerPreCheckoutQuery", ""),
        ("sendMessage", "Olá, Ana: x"),
    ]
    [checkout] = [call["params"] for call in said if call["method"] == "answerPreCheckoutQuery"]
    assert (checkout["ok"], checkout["error_message"]) == (False, "Este pagamento não é possível agora.")
    assert RATE_LIMIT_HITS.labels("blocked")._value.get() - before == 4
    with platform.database.reading() as session:
        assert sorted(session.scalars(select(Lead.telegram_id))) == [ANA, RUI]
        assert [start.start_param for start in session.scalars(select(Start))] == ["x"]


def test_a_block_ends_by_time_without_a_write_or_a_new_worker(
    platform: Platform, inbound: UpdateConsumers, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = utc_now() + timedelta(hours=1)
    put_entry(
        platform,
        Principal(bot.account_id, "account:1"),
        bot.id,
        AccessList.BLOCKED,
        AccessEntry(ANA, until),
    )
    assert handle(platform, inbound, bot, message(1, ANA, "a")) == []
    monkeypatch.setattr("services.messaging.limits.guard.utc_now", lambda: until)
    assert texts(handle(platform, inbound, bot, message(2, ANA, "b"))) == ["b"]


def test_with_an_allow_list_strangers_are_told_once_and_members_and_administrators_are_served(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    allow(platform, bot, allowed=only(RUI, -50), admins=only(ADMIN))
    hidden = {"sender_chat": {"id": -50, "type": "supergroup", "title": "G"}}
    anonymous = in_group(6, 1087968824, "hidden", **hidden)
    posted = {**message(7, -9, "post")["message"], "chat": {"id": -9, "type": "channel", "title": "C"}}
    post = {"update_id": 7, "channel_post": {name: posted[name] for name in posted if name != "from"}}
    said = handle(
        platform,
        inbound,
        bot,
        *(message(n, ANA, f"hello {n}") for n in (1, 2)),
        message(3, RUI, "member"),
        message(4, ADMIN, "boss"),
        in_group(5, ANA, "talk among people"),
        anonymous,
        post,
    )
    own = [call for call in said if call["params"]["chat_id"] == ANA]
    assert len(own) == 1
    assert own[0]["params"]["text"].startswith(NOT_ALLOWED)
    assert str(ANA) in own[0]["params"]["text"]
    others = [call for call in said if call["params"]["chat_id"] != ANA]
    assert sorted(texts(others)) == ["boss", "hidden", "member"]


def test_an_anonymous_administrator_is_told_the_number_of_the_group_which_stands_for_them(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    allow(platform, bot, allowed=only(RUI))
    hidden = {"sender_chat": {"id": -50, "type": "supergroup", "title": "G"}}
    [told] = texts(handle(platform, inbound, bot, in_group(1, 1087968824, "/start", **hidden)))
    assert told.startswith(NOT_ALLOWED)
    assert told.endswith(": -50")


def test_in_maintenance_all_but_administrators_get_the_owners_words_once_and_no_button_is_used_up(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    buttons = menu(platform, inbound, bot, ANA, 1)
    allow(platform, bot, maintenance=True, maintenance_message="Já voltamos", admins=only(ADMIN))
    said = handle(
        platform,
        fresh(platform),
        bot,
        message(2, ANA, "/start promo"),
        tap(3, ANA, buttons[1]),
        message(4, ADMIN, "boss"),
        of_kind(5, "inline_query", RUI, query="q", offset=""),
        of_kind(6, "pre_checkout_query", RUI, **PAYMENT),
        message(7, RUI, "x"),
    )
    assert sorted(texts(said)) == ["", "", "Já voltamos", "Já voltamos", "boss"]
    [checkout] = [call["params"] for call in said if call["method"] == "answerPreCheckoutQuery"]
    assert (checkout["ok"], checkout["error_message"]) == (False, "Já voltamos")
    with platform.database.reading() as session:
        assert [start.start_param for start in session.scalars(select(Start))] == ["promo"]
    allow(platform, bot, maintenance=False)
    assert "buy 1" in texts(handle(platform, fresh(platform), bot, tap(8, ANA, buttons[1])))
    allow(platform, bot, maintenance=True, maintenance_message="")
    assert texts(handle(platform, fresh(platform), bot, message(9, 3, "x"))) == [MAINTENANCE]


def test_money_that_has_moved_reaches_the_handlers_of_whomever_the_bot_does_not_answer(
    platform: Platform, inbound: UpdateConsumers
) -> None:
    bot = add_bot(platform, {"id": 7002, "username": "pay_bot", "token": "7002:" + "A" * 35}, BOT)
    allow(platform, bot, maintenance=True, blocked=only(ANA))
    paid = message(1, ANA, "")
    del paid["message"]["text"]
    paid["message"]["successful_payment"] = PAID
    assert texts(handle(platform, inbound, bot, paid)) == ["paid out"]


def test_while_redis_takes_no_counts_the_notice_is_given_once_by_this_process(
    platform: Platform, inbound: UpdateConsumers, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise RedisError("away")

    allow(platform, bot, maintenance=True)
    monkeypatch.setattr(Judge, "judge", away)
    said = handle(platform, inbound, bot, *(message(n, ANA, "x") for n in (1, 2)))
    assert texts(said) == [MAINTENANCE]


# Captcha


def choices(call: dict[str, Any]) -> tuple[str, list[str]]:
    """The callback_data of the emoji that is asked for, and that of the others."""
    params = call["params"]
    buttons = [button for row in params["reply_markup"]["inline_keyboard"] for button in row]
    [right] = [each["callback_data"] for each in buttons if each["text"] in params["text"]]
    return right, [each["callback_data"] for each in buttons if each["callback_data"] != right]


def with_click(platform: Platform, bot: Bot) -> str:
    """The id of a click that led to the bot."""
    token = secrets.token_hex(6)
    with platform.database.transaction() as session:
        pool = RedirectPool(account_id=bot.account_id, name="P", slug="p1")
        session.add(pool)
        session.flush()
        click = Click(id=token, at=utc_now(), account_id=bot.account_id, pool_id=pool.id, bot_id=bot.id)
        session.add(click)
    return token


def test_a_start_waits_for_the_named_emoji_and_goes_on_as_it_came_with_its_click_bound(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    token = with_click(platform, bot)
    allow(platform, bot, captcha=True, admins=only(ADMIN))
    [asked] = handle(platform, inbound, bot, message(1, ANA, f"/start promo_{token}"))
    right, others = choices(asked)
    assert len(others) == 5
    with platform.database.reading() as session:
        assert session.get_one(Click, token).lead_id is not None  # bound when it came
    assert texts(handle(platform, inbound, bot, message(2, ANA, "other words"))) == ["other words"]
    foreign = handle(platform, inbound, bot, tap(3, RUI, right, ANA))
    assert texts(foreign) == ["⚠️ Essa ação não é válida mais."]
    said = handle(platform, inbound, bot, tap(4, ANA, right))
    assert [call["method"] for call in said] == ["deleteMessage", "sendMessage", "answerCallbackQuery"]
    assert "Olá, Ana: promo" in texts(said)
    again = handle(platform, inbound, bot, message(5, ANA, "/start later"), message(6, ADMIN, "/start"))
    assert sorted(texts(again)) == ["Olá, Ana: ", "Olá, Ana: later"]
    platform.redis.flushall()  # who has passed is not asked again when Redis has lost everything
    assert texts(handle(platform, fresh(platform), bot, message(7, ANA, "/start x"))) == ["Olá, Ana: x"]
    with platform.database.reading() as session:
        assert sorted(session.scalars(select(Start.update_id))) == [1, 5, 6, 7]


def test_after_three_wrong_emoji_even_the_right_one_waits(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    allow(platform, bot, captcha=True)
    [asked] = handle(platform, inbound, bot, message(1, ANA, "/start"))
    first_right, _ = choices(asked)
    for update_id in (2, 3):
        said = handle(platform, inbound, bot, tap(update_id, ANA, choices(asked)[1][0]))
        [asked] = [call for call in said if call["method"] == "editMessageText"]
    last = handle(platform, inbound, bot, tap(4, ANA, choices(asked)[1][0]))
    [over] = [call["params"] for call in last if call["method"] == "editMessageText"]
    assert "5 minutos" in over["text"]
    assert "reply_markup" not in over
    waiting = handle(platform, inbound, bot, tap(5, ANA, first_right))
    assert [call["method"] for call in waiting] == ["answerCallbackQuery"]
    assert texts(waiting)[0].startswith("⏳ Muitos comandos")
    with platform.database.reading() as session:
        assert session.scalars(select(Lead.captcha_passed_at)).all() == [None]


def test_a_question_that_is_no_longer_asked_lets_any_emoji_pass(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    allow(platform, bot, captcha=True)
    [asked] = handle(platform, inbound, bot, message(1, ANA, "/start a"))
    allow(platform, bot, captcha=False)
    said = handle(platform, fresh(platform), bot, tap(2, ANA, choices(asked)[1][0]))
    assert "Olá, Ana: a" in texts(said)


def test_a_tap_that_is_handled_again_after_a_crash_lets_start_go_on_once_more(
    platform: Platform, inbound: UpdateConsumers, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(platform, bot, captcha=True)
    [asked] = handle(platform, inbound, bot, message(1, ANA, "/start a"))
    run, failures = UpdateProcessor._run, [RedisError("died here")]

    def dying(self: UpdateProcessor, *args: Any) -> Any:
        result = run(self, *args)
        if failures:
            raise failures.pop()
        return result

    monkeypatch.setattr(UpdateProcessor, "_run", dying)
    said = handle(platform, inbound, bot, tap(2, ANA, choices(asked)[0]))
    assert not failures
    assert texts(said).count("Olá, Ana: a") == 1
