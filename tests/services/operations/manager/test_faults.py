"""The manager bot when things go wrong around it: its token, its twin, Redis, the database, its process, and other people's fingers."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select

from models import Account, Bot, BotStatus, Notification, TelegramLink
from services.fleet.bots.reconcile import reconcile_bot
from services.messaging.buttons.callback_data import CallbackSigner, Opened, Switch
from services.messaging.polling.polling import Poll, bots_to_poll, poll_of
from services.messaging.polling.timings import PollTimings
from services.messaging.updates.intake import Intake
from services.operations.manager.ensuring import ensure_manager
from services.operations.readiness import readiness
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.telegram_links import new_link_code
from services.platform.platform import Platform
from tests.blueprints.people import make_account
from tests.conftest import settings_for
from tests.services.messaging.draining import QUICK, QUICK_SENDING, letters
from tests.services.operations.manager.chatting import (
    ManagerChat,
    added,
    chat_of,
    installation,
    is_wanted,
    link,
    manager,
    manager_platform,
)
from tools.servers.fleet import working
from tools.servers.sandbox import Sandbox, wait_until
from tools.servers.valkey import DATABASES

POLLING = PollTimings(
    backoff=(0.05, 0.1), dead_token=0.1, conflict=0.1, peace=30.0, removal=0.1, fruitless=0.05
)
CHANGES = ("setWebhook", "deleteWebhook")  # what takes updates away from somebody
NOT_VALID = "⚠️ Essa ação não é válida mais."


def trouble_of(platform: Platform) -> str:
    """What the installation says of its manager bot."""
    return "".join(
        str(one.sentence) for one in readiness(platform).findings if one.code == "manager_bot_failed"
    )


def tapped(chat: ManagerChat, data: str) -> str:
    """Tap data that no button of the chat has any more; the notice that Telegram shows."""
    number = str(7000 + chat.sandbox.calls("answerCallbackQuery"))
    person = {"id": chat.user, "is_bot": False, "first_name": "X", "language_code": "pt-br"}
    message = {"message_id": 1, "date": 1, "chat": {"id": chat.user, "type": "private"}, "text": "?"}
    query = {"id": number, "from": person, "chat_instance": "1", "data": data, "message": message}
    chat.sandbox.inject(chat.bot.username, {"callback_query": query})
    chat.settle()
    answers = chat.sandbox.sent(chat.bot.username, "answerCallbackQuery")
    [answer] = [each["text"] for each in answers if each["params"]["callback_query_id"] == number]
    return str(answer)


def kinds_told(platform: Platform) -> set[str]:
    with platform.database.reading() as session:
        return set(session.scalars(select(Notification.kind)))


def twin_of(platform: Platform, folder: Path, template: Path) -> Platform:
    """An installation of its own beside the first, at the same Telegram."""
    server, _, number = platform.settings.redis_url.rpartition("/")
    settings = settings_for(folder / "twin", "", f"{server}/{(int(number) + 512) % DATABASES}")
    telegram = {"telegram_api_url": platform.settings.telegram_api_url}
    twin = Platform(settings.model_copy(update=telegram))
    twin.redis.flushdb()
    shutil.copy(template, folder / "twin" / "flotilla.db")
    return twin


class Polls:
    """The manager bots of some installations, polled as by their pollers, impatiently."""

    def __init__(self, *platforms: Platform) -> None:
        self._platforms = platforms
        self._polls: list[Poll] = []

    def __enter__(self) -> None:
        for each in self._platforms:
            self.follow(each)

    def follow(self, platform: Platform) -> None:
        """Poll with what the installation knows now, instead of before."""
        for poll in self._polls if len(self._platforms) == 1 else ():
            poll.stop()
        for bot in (each for each in bots_to_poll(platform) if each.is_manager):
            poll = replace(poll_of(platform, Intake(platform), platform.telegram, bot), timings=POLLING)
            self._polls.append(poll)
            threading.Thread(target=poll.run, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        for poll in self._polls:
            poll.stop()


def test_a_confirm_button_works_once_for_its_asker_for_five_minutes_and_says_so_to_all_others(
    platform: Platform, sandbox: Sandbox
) -> None:
    platform, admin, mine = installation(platform, sandbox)
    bot = added(platform, admin, sandbox)
    theirs = chat_of(platform, sandbox, first_name="Rui")
    with working(platform, QUICK, QUICK_SENDING):
        link(theirs, admin)  # they may stop the same bot, but by a question of their own
        mine.send("/stop_bot red_bot")
        question, data = mine.button("Confirmar")
        assert tapped(theirs, data) == NOT_VALID
        assert is_wanted(platform, bot)
        assert mine.tap("Confirmar") == "✅ Bot red_bot parado com sucesso"
        mine.send("/start_bot red_bot")
        mine.tap("Confirmar")
        assert tapped(mine, data) == NOT_VALID, "the second tap"
        late = CallbackSigner(platform.vault).pack(
            bot_id=mine.bot.id, user_id=mine.user, chat_id=mine.user, action="do_stop", payload=str(bot.id),
            expires_at=int(time.time()) - 1, switches=Switch.ONCE,
        )  # fmt: skip
        assert tapped(mine, late) == NOT_VALID
    assert is_wanted(platform, bot)
    opened = CallbackSigner(platform.vault).open(
        data, bot_id=mine.bot.id, user_id=mine.user, chat_id=mine.user, now=0.0
    )
    assert isinstance(opened, Opened)
    asked_at = next(m["date"] for m in mine.said if m["message_id"] == question)
    assert 298 <= opened.expires_at - asked_at <= 301
    assert letters(platform) == []


def test_who_is_no_longer_linked_finishes_nothing_that_was_begun(
    platform: Platform, sandbox: Sandbox
) -> None:
    platform, _, chat = installation(platform, sandbox)
    other = make_account(platform, "other@example.com")
    pasted = sandbox.create_bot(username="late_bot")["token"]
    with working(platform, QUICK, QUICK_SENDING):
        refused = chat.start(new_link_code(platform, command_principal(other)).code)
        assert "Você já está vinculado a boss@example.com" in refused
        assert "boss@example.com" in chat.send("/whoami"), "whoever is linked acts for one account"
        sandbox.fault("delay", method="deleteMessage", seconds=0.5, count=1)
        sandbox.send(chat.user, "boss_bot", pasted)
        poll_of(platform, Intake(platform), platform.telegram, chat.bot).once(0)
        wait_until(lambda: sandbox.stats()["faults_applied"])
        with platform.database.transaction() as session:
            session.execute(delete(TelegramLink))
        assert chat.settle().startswith("👋 Eu atendo só as pessoas desta instalação")
        link(chat, other)
        chat.send("/unlink")
        with platform.database.transaction() as session:
            session.delete(session.get_one(Account, other.id))
        chat.tap("Confirmar")
    with platform.database.reading() as session:
        assert session.scalars(select(Bot.username)).all() == ["boss_bot"]
        assert session.scalars(select(TelegramLink)).all() == []
    assert letters(platform) == []


def test_a_token_revoked_while_at_work_is_said_and_nothing_asked_meanwhile_is_lost_or_doubled(
    platform: Platform, sandbox: Sandbox
) -> None:
    platform, admin, chat = installation(platform, sandbox)
    bot, polls = added(platform, admin, sandbox), Polls(platform)
    with working(platform, QUICK, QUICK_SENDING), polls:
        sandbox.revoke("boss_bot")
        sandbox.send(chat.user, "boss_bot", "/whoami")
        wait_until(lambda: manager(platform).status == BotStatus.FAILED)
        assert "The manager bot does not work: Telegram rejects this token" in trouble_of(platform)
        ensure_manager(platform)
        sandbox.send(chat.user, "boss_bot", "/stop_bot red_bot")
        sandbox.restore("boss_bot")
        wait_until(lambda: len(chat.said) == 2)
        assert trouble_of(platform) == ""
        fresh = platform.settings.model_copy(
            update={"manager_bot_token": SecretStr(sandbox.rotate("boss_bot"))}
        )
        sandbox.press(chat.user, "boss_bot", *chat.button("Confirmar"))
        wait_until(lambda: manager(platform).status == BotStatus.FAILED)
        changed = Platform(fresh)
        ensure_manager(changed)
        polls.follow(changed)
        wait_until(lambda: "parado com sucesso" in chat.last)
        sandbox.send(chat.user, "boss_bot", "/whoami")
        wait_until(lambda: len(chat.said) == 3)
    assert [text.partition("\n")[0] for text in (each["text"] for each in chat.said)] == [
        "👤 boss@example.com",
        "✅ Bot red_bot parado com sucesso",
        "👤 boss@example.com",
    ]
    assert not is_wanted(platform, bot)
    assert (trouble_of(changed), manager(changed).id) == ("", chat.bot.id), "the same bot, with its links"
    assert letters(platform) == []


@pytest.mark.parametrize("modes", [("polling", "polling"), ("webhook", "webhook"), ("polling", "webhook")])
def test_two_installations_with_one_manager_token_say_so_and_do_not_fight(
    platform: Platform, sandbox: Sandbox, tmp_path: Path, sqlite_template: Path, modes: tuple[str, str]
) -> None:
    token, twin = (
        sandbox.create_bot(username="boss_bot")["token"],
        twin_of(platform, tmp_path, sqlite_template),
    )
    both = []
    for number, (mode, each) in enumerate(zip(modes, (platform, twin), strict=True)):
        address = f"http://127.0.0.1:{9 + number}" if mode == "webhook" else ""
        make_account(each, "boss@example.com", admin=True)
        both.append(manager_platform(each, token, webhook_base_url=address))

    def round_of_both() -> None:
        for each in both:
            ensure_manager(each)
            reconcile_bot(each, manager(each).id)

    with Polls(*both):
        for _ in range(2):
            round_of_both()
        wait_until(lambda: any(map(trouble_of, both)))
        settled = [sandbox.calls(name) for name in CHANGES]
        for _ in range(4):
            round_of_both()
        assert [sandbox.calls(name) for name in CHANGES] == settled, "nobody takes it back and forth"
    assert sandbox.calls("setMyCommands") == 4, "each has set both menus once"
    said = "".join(map(trouble_of, both))
    assert "Another program uses this token" in said or "Somebody else's program has taken" in said
    told = {kind for each in both for kind in kinds_told(each)}
    assert told & {"polled_elsewhere", "webhook_stolen"}
    for each in (twin, *both):
        each.database.dispose()
