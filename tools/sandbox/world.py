"""The world in memory: who exists, and the few acts that change it. Everything is gone at the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.sandbox.clock import Clock
from tools.sandbox.errors import ControlError
from tools.sandbox.faults import FaultBook
from tools.sandbox.inbox import Entry, Inbox, lane_of
from tools.sandbox.journal import Counters, Journal
from tools.sandbox.limits import SendLimits
from tools.sandbox.model import (
    Bot,
    BotStatus,
    Callback,
    Checkout,
    Conversation,
    Group,
    Invoice,
    Json,
    Message,
    StoredFile,
    User,
)
from tools.sandbox.names import FIRST_NAMES, TOKEN_PATTERN, USERNAME_PATTERN, make_bot_name, make_token

FIRST_USER_ID = 6_100_000_001
"""Above 32 bits on purpose, as new accounts at Telegram are."""
CALLBACKS_KEPT = 20_000


@dataclass(frozen=True)
class Settings:
    """How this sandbox was started."""

    seed: int | None = None
    bots: int = 0
    """Bots made at the start and after a reset."""
    strict: bool = False
    public_url: str = "http://127.0.0.1:8000"
    retry_factor: float = 1.0
    """Multiplies every waiting time between webhook attempts; tests use a small one."""
    latency: float = 0.0
    """Seconds every Bot API answer is held back, to play a distant Telegram."""
    allow_hosts: frozenset[str] = frozenset()
    """Host names treated like loopback for webhooks (another container)."""
    allow_remote: bool = False
    """Whether the control API answers other addresses than loopback."""


class World:
    """All state of one sandbox."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.on_update: Callable[[Bot, Entry], None] = lambda _bot, _entry: None
        self.on_bot_changed: Callable[[Bot], None] = lambda _bot: None
        self.on_reset: Callable[[], None] = lambda: None
        self.reset()

    def reset(self) -> None:
        """Forget everything and start over with the same seed."""
        self.on_reset()
        for bot in getattr(self, "bots", {}).values():
            bot.inbox.wake()
        self.rng = random.Random(self.settings.seed)
        self.clock.offset = 0.0
        self.bots: dict[int, Bot] = {}
        self.by_username: dict[str, Bot] = {}
        self.by_token: dict[str, Bot] = {}
        self.users: dict[int, User] = {}
        self.groups: dict[int, Group] = {}
        self.files: dict[str, StoredFile] = {}
        self.callbacks: dict[str, Callback] = {}
        self.checkouts: dict[str, Checkout] = {}
        self.limits: dict[int, SendLimits] = {}
        self.faults = FaultBook(self.rng)
        self.journal = Journal()
        self.stats = Counters()
        self.change_seq = 0
        for _ in range(self.settings.bots):
            self.add_bot()

    # -- bots ------------------------------------------------------------------------------------------

    def add_bot(self, username: str = "", first_name: str = "", token: str = "") -> Bot:
        """Create a bot; username and token are made up when not given. ControlError 400 or 409."""
        made_username, made_name = self._free_name()
        username = username or made_username
        if not USERNAME_PATTERN.fullmatch(username):
            raise ControlError(400, "bad_username", "a username is 5-32 letters, digits and _")
        if token and not TOKEN_PATTERN.fullmatch(token):
            raise ControlError(400, "bad_token", "a token is <id>:<24 or more base64url characters>")
        bot_id = int(token.partition(":")[0]) if token else self._free_bot_id()
        if username.lower() in self.by_username or bot_id in self.bots:
            raise ControlError(409, "taken", "there is a bot with this username or id already")
        token = token or make_token(bot_id, self.rng)
        bot = Bot(
            bot_id, username, first_name or made_name, token, Inbox(self.rng), strict=self.settings.strict
        )
        self.bots[bot_id] = self.by_username[username.lower()] = self.by_token[token] = bot
        return bot

    def _free_name(self) -> tuple[str, str]:
        index = len(self.bots)
        while make_bot_name(index)[0] in self.by_username:
            index += 1
        return make_bot_name(index)

    def _free_bot_id(self) -> int:
        while True:
            bot_id = self.rng.randrange(7_000_000_000, 9_000_000_000)
            if bot_id not in self.bots:
                return bot_id

    def find_bot(self, name: str) -> Bot:
        """A bot by id or username, with or without @. ControlError 404."""
        bot = self.bots.get(int(name)) if name.isdigit() else self.by_username.get(name.lstrip("@").lower())
        if bot is None:
            raise ControlError(404, "no_such_bot", f"there is no bot {name}")
        return bot

    def set_status(self, bot: Bot, status: BotStatus) -> None:
        """Revoke, freeze or restore; webhook delivery stops and goes on with it."""
        bot.status = status
        bot.inbox.wake()
        self.on_bot_changed(bot)

    def rotate_token(self, bot: Bot) -> str:
        """A new token; the old one answers 401 and the webhook, which belonged to it, is gone."""
        del self.by_token[bot.token]
        bot.token = make_token(bot.id, self.rng)
        bot.webhook = None
        self.by_token[bot.token] = bot
        self.set_status(bot, BotStatus.ALIVE)
        return bot.token

    # -- people and chats ------------------------------------------------------------------------------

    def add_user(
        self,
        first_name: str = "",
        username: str | None = None,
        language_code: str = "pt-br",
        user_id: int | None = None,
    ) -> User:
        """Create a person, or find the one with this id."""
        if user_id is not None and user_id in self.users:
            return self.users[user_id]
        new_id = user_id if user_id is not None else FIRST_USER_ID + len(self.users)
        name = first_name or FIRST_NAMES[len(self.users) % len(FIRST_NAMES)]
        user = self.users[new_id] = User(new_id, name, username, language_code)
        return user

    def find_user(self, user_id: int) -> User:
        """A person by id. ControlError 404."""
        user = self.users.get(user_id)
        if user is None:
            raise ControlError(404, "no_such_user", f"there is no user {user_id}")
        return user

    def conversation(self, bot: Bot, user: User) -> Conversation:
        """The private chat of these two, made when missing (not yet started)."""
        chat = bot.conversations.get(user.id)
        if chat is None:
            chat = bot.conversations[user.id] = Conversation(user.as_chat())
        return chat

    def next_group_message_id(self, group: Group) -> int:
        """A number that no message has for any of the group's bots."""
        number = max(self.bots[each].last_message_id for each in group.bots) + 1
        for each in group.bots:
            self.bots[each].last_message_id = number
        return number

    def delete_topic(self, group: Group, topic_id: int) -> None:
        """Take a topic away with all messages in it."""
        del group.topics[topic_id]
        for each in group.bots:
            chat = self.bots[each].conversations.get(group.id)
            for message in chat.messages.values() if chat else ():
                if message.body.get("message_thread_id") == topic_id:
                    message.deleted = True
                    self.touch(message)

    def keep_message(self, chat: Conversation, body: Json, outgoing: bool) -> Message:
        """Append a message to a chat's transcript."""
        self.change_seq += 1
        message = Message(body, outgoing, self.change_seq)
        chat.keep(message)
        return message

    def touch(self, message: Message) -> None:
        """Mark a message as changed, so that pages fetch it again."""
        self.change_seq += 1
        message.seq = self.change_seq

    # -- updates ---------------------------------------------------------------------------------------

    def emit(self, bot: Bot, kind: str, payload: Any, update_id: int | None = None) -> Entry | None:
        """Queue an update for the bot; None when its allowed_updates leave this kind out."""
        if not bot.inbox.accepts(kind):
            self.stats.updates_filtered += 1
            return None
        entry = bot.inbox.push(kind, lane_of(kind, payload), payload, self.clock.now(), update_id)
        self.stats.updates_created += 1
        self.on_update(bot, entry)
        return entry

    def new_checkout(self, bot: Bot, user: User, invoice: Invoice) -> str:
        """Register a payment that begins; returns the pre-checkout query's id."""
        if len(self.checkouts) >= CALLBACKS_KEPT:
            del self.checkouts[next(iter(self.checkouts))]
        query_id = self.new_number()
        self.checkouts[query_id] = Checkout(bot.id, user.id, invoice, self.clock.now())
        return query_id

    def new_number(self) -> str:
        """A long number for something that is answered later."""
        return str(self.rng.getrandbits(62))

    def new_callback(self, bot: Bot, user: User) -> str:
        """Register a pressed button; returns the callback query id."""
        if len(self.callbacks) >= CALLBACKS_KEPT:
            del self.callbacks[next(iter(self.callbacks))]
        query_id = self.new_number()
        self.callbacks[query_id] = Callback(bot.id, user.id, self.clock.now())
        return query_id
