"""A person's chat with the manager bot at the sandbox: polled, handled and sent as in an installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from models import Account, Bot
from services.core.rate_limits import RateLimit
from services.fleet.bots.reconcile import reconcile_bot
from services.fleet.bots.registry import register_bot
from services.messaging.polling.polling import bots_to_poll, poll_of
from services.messaging.updates.intake import Intake
from services.operations.manager.ensuring import ensure_manager, manager_of
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.telegram_links import link_person, new_link_code
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.blueprints.people import make_account
from tools.servers.sandbox import Sandbox, wait_until

ANY_RATE = {"default": RateLimit(limit=10_000, window=60)}


def manager_platform(platform: Platform, token: str, **settings: Any) -> Platform:
    """The installation with MANAGER_BOT_TOKEN set, and its manager bot there; nothing slows a person down unless asked."""
    free: dict[str, Any] = {
        "pacing_chat_per_second": 1000.0,
        "user_rate_per_minute": 0.0,
        "cooldown_seconds": 0.0,
    }
    free |= {"manager_bot_token": SecretStr(token), "rate_limits_json": ANY_RATE}
    given = platform.settings.model_copy(update={**free, **settings})
    changed = Platform(given)
    ensure_manager(changed)
    bot = manager_of(changed)
    assert bot is not None
    reconcile_bot(changed, bot.id)
    return changed


@dataclass
class ManagerChat:
    """One person's chat. Workers have to be at work (`working`)."""

    platform: Platform
    sandbox: Sandbox
    user: int
    bot: Bot

    def send(self, text: str) -> str:
        """Write something; what the bot's last message says then."""
        self.sandbox.send(self.user, self.bot.username, text)
        return self.settle()

    def start(self, payload: str = "") -> str:
        """Open the bot by a link."""
        self.sandbox.start(self.user, self.bot.username, payload)
        return self.settle()

    def tap(self, label: str) -> str:
        """Tap the button of the last message that has it; what the message says then."""
        self.press(*self.button(label))
        return self.last

    def press(self, message_id: int, data: str) -> None:
        """Tap again what was tapped."""
        self.sandbox.press(self.user, self.bot.username, message_id, data)
        self.settle()

    def button(self, label: str) -> tuple[int, str]:
        """The message and data of a button."""
        message = self.said[-1]
        found = [b["data"] for row in message["buttons"] for b in row if label in b["text"]]
        assert found, (label, message)
        return int(message["message_id"]), str(found[0])

    def settle(self) -> str:
        """Bring what the person did through lanes and outbox to its end."""
        client, intake = self.platform.telegram, Intake(self.platform)
        poll_of(self.platform, intake, client, self.bot).once(0)
        wait_until(self._is_quiet, seconds=30)
        return self.last

    @property
    def said(self) -> list[dict[str, Any]]:
        """The bot's messages."""
        messages = self.sandbox.transcript(self.user, self.bot.username)
        return [each for each in messages if each["direction"] == "out"]

    @property
    def last(self) -> str:
        """What its last message says; "" before any."""
        return str(self.said[-1]["text"]) if self.said else ""

    def _is_quiet(self) -> bool:
        redis = self.platform.redis
        lanes = range(self.platform.settings.update_lanes)
        boxes = [keys.outbox(self.bot.id, priority) for priority in keys.OUTBOX_PRIORITIES]
        before = sum(redis.xlen(keys.update_lane(lane)) for lane in lanes) + sum(map(redis.xlen, boxes))
        after = sum(redis.xlen(keys.update_lane(lane)) for lane in lanes)  # an answer goes back to its lane
        return before + after == 0


def chat_of(platform: Platform, sandbox: Sandbox, **person: Any) -> ManagerChat:
    """A stranger's chat with the manager bot."""
    user = int(sandbox.create_user(**{"first_name": "Ana", "language_code": "pt-br", **person})["id"])
    [bot] = [each for each in bots_to_poll(platform) if each.is_manager]
    return ManagerChat(platform, sandbox, user, bot)


def link(chat: ManagerChat, account: Account) -> str:
    """Link the person by the link of the account's page."""
    return chat.start(new_link_code(chat.platform, command_principal(account)).code)


def installation(
    platform: Platform, sandbox: Sandbox, **settings: Any
) -> tuple[Platform, Account, ManagerChat]:
    """An installation with its manager, and a linked person's chat with it."""
    admin = make_account(platform, "boss@example.com", admin=True)
    changed = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"], **settings)
    chat = chat_of(changed, sandbox)
    link_person(changed, chat.user, "Ana", new_link_code(changed, command_principal(admin)).code)
    return changed, admin, chat


def added(platform: Platform, admin: Account, sandbox: Sandbox, username: str = "red_bot") -> Bot:
    """A bot of theirs, at work."""
    token = sandbox.create_bot(username=username, first_name="Red One")["token"]
    bot = register_bot(platform, command_principal(admin), token)
    reconcile_bot(platform, bot.id)
    return bot


def is_wanted(platform: Platform, bot: Bot) -> bool:
    """Whether the bot is to run."""
    with platform.database.reading() as session:
        return session.get_one(Bot, bot.id).desired_running


def manager(platform: Platform) -> Bot:
    """The manager bot as it is now."""
    bot = manager_of(platform)
    assert bot is not None
    return bot
