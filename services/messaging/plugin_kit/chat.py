"""A chat with a bot under test, as the person in it uses it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from plugins.base import BasePlugin
from plugins.context import Strategy
from plugins.database import LeadRecord, MemoryDatabase
from plugins.goals import GoalWish
from services.fleet.plugin_catalogue import catalogue
from services.fleet.plugin_loading.translating import PluginFolder, compiled, parted
from services.messaging.plugin_kit.played_bot import BOT, Chosen, PlayedBot
from services.messaging.plugin_kit.played_files import PlayedFiles
from services.messaging.plugin_kit.played_http import PlayedHttp
from services.messaging.plugin_kit.played_telegram import PlayedTelegram, ShownMessage

NOBODYS: Final = (
    "poll",
    "message_reaction_count",
    "chat_boost",
    "removed_chat_boost",
    "deleted_business_messages",
)  # kinds of update that name no sender


@dataclass(frozen=True)
class Person:
    """Who writes."""

    id: int = 5
    first_name: str = "Ana"
    username: str = "ana"
    language: str = "en"

    def as_json(self) -> dict[str, Any]:
        """As Telegram says it."""
        names = {"first_name": self.first_name, "username": self.username}
        return {"id": self.id, "is_bot": False, **names, "language_code": self.language}


@dataclass
class _Place:
    """Where a chat stands, and who of its people writes."""

    bot: PlayedBot
    person: Person
    chat: dict[str, Any]
    last: tuple[str, dict[str, Any]] | None = None

    @property
    def latest(self) -> tuple[str, dict[str, Any]]:
        """Kind and content of the last update from here."""
        if self.last is None:
            raise AssertionError("nothing was sent yet")
        return self.last


class ChatView:
    """What stands in a chat, and what a test may look at besides."""

    def __init__(self, plugin: str, place: _Place) -> None:
        self._plugin = plugin
        self._place = place

    @property
    def messages(self) -> list[ShownMessage]:
        """The bot's messages in this chat, the oldest first, as they stand now."""
        return [each for each in self.telegram.shown if each.chat_id == self.id]

    @property
    def texts(self) -> list[str]:
        """What they say."""
        return [each.text for each in self.messages]

    @property
    def last(self) -> ShownMessage:
        """The bot's last message here."""
        if not self.messages:
            raise AssertionError("the bot has said nothing in this chat")
        return self.messages[-1]

    @property
    def notice(self) -> str:
        """The last notice about a tap, "" before any."""
        return self.telegram.notices[-1] if self.telegram.notices else ""

    # What else a test may look at

    @property
    def id(self) -> int:
        """The chat's id."""
        return int(self._place.chat["id"])

    @property
    def sent_id(self) -> int:
        """The number of the person's last message."""
        return int(self._place.latest[1]["message_id"])

    @property
    def written(self) -> dict[str, Any]:
        """The person's last message, in Telegram's words."""
        return {**self._place.latest[1]}

    def quoting(self, message: ShownMessage) -> dict[str, Any]:
        """What makes a message of `send` a reply to this one."""
        return {"reply_to_message": {**self._message(message.text, {}), "message_id": message.message_id}}

    @property
    def telegram(self) -> PlayedTelegram:
        """Everything that the bot has asked of Telegram (`calls`), in all chats."""
        return self._place.bot.telegram

    @property
    def http(self) -> PlayedHttp:
        """Other people's APIs: `answers`, by URL, and `requests`."""
        return self._place.bot.http

    @property
    def files(self) -> PlayedFiles:
        """The files that the plugin asked for (`kept`); `refusal` is what it is to be refused with."""
        return self._place.bot.files

    @property
    def state(self) -> str | None:
        """The conversation's state."""
        found: str | None = self._conversation.get("state")
        return found

    @property
    def data(self) -> dict[str, Any]:
        """The conversation's data."""
        return dict(self._conversation.get("data") or {})

    @property
    def store(self) -> MemoryDatabase:
        """What the plugin keeps."""
        return self._place.bot.store(self._plugin)

    @property
    def leads(self) -> dict[int, LeadRecord]:
        """The people whom the bot knows, by id; a test may add some."""
        return self._place.bot.leads

    @property
    def timers(self) -> dict[str, float]:
        """The plugin's timers in this chat: their keys, and in how many seconds they are due, the next first."""
        bot = self._place.bot
        found = bot.timers.of(self._plugin, self.id)
        return {key: round(due.timestamp() - bot.now, 3) for key, due in found.items()}

    @property
    def goals(self) -> list[GoalWish]:
        """What this person has reached, in order: `goal`, `amount_micros` and `currency` of each."""
        bot, person = self._place.bot, self._place.person.id
        return [wish for somebody, wish in bot.goals if somebody == person]

    @property
    def notifications(self) -> list[tuple[str, dict[str, Any]]]:
        """What the bot's owner was told: kind and values."""
        return self._place.bot.notifications

    @property
    def _conversation(self) -> dict[str, Any]:
        message = {"from": self._place.person.as_json(), **self._message("", {})}
        return self._place.bot.conversation("message", message)

    def _message(self, text: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        content = {"text": text} if text is not None else {}
        number, date = self.telegram.next_id(), int(self._place.bot.now)
        return {"message_id": number, "date": date, "chat": self._place.chat, **content, **fields}


class Chat(ChatView):
    """A private chat of Ana's with a bot that has `plugin` (by its name or class), and the plugins of `beside` after it.

    Hers is the id 5; `admins` are the ids on the bot's list of administrators.
    `tap` and `send` return when everything that the bot does about it is done.
    """

    def __init__(
        self,
        plugin: type[BasePlugin] | str,
        config: Mapping[str, Any] | None = None,
        *,
        beside: Chosen = (),
        strategy: str = Strategy.USER_IN_CHAT,
        admins: Collection[int] = (),
        bot_name: str = BOT.name,
        **person: Any,
    ) -> None:
        found = _named(plugin) if isinstance(plugin, str) else _translated(plugin)
        facts = replace(BOT, name=bot_name, strategy=Strategy(strategy))
        bot = PlayedBot([(found, config or {}), *beside], facts, admins)
        super().__init__(found.name, _private(bot, Person(**person)))

    # What a person does

    def send(self, text: str | None = None, **fields: Any) -> None:
        """Write `text`, or what `fields` say in Telegram's words: photo=[…], caption="…", contact={…}."""
        self.update("message", self._message(text, fields))

    def send_file(self, kind: str, content: bytes, name: str = "", **fields: Any) -> None:
        """Send a file: photo, video, audio, voice, document, animation, sticker; `name` as the person's program calls it."""
        self.send(**self._place.bot.files.sent(kind, content, name), **fields)

    def edit(self, message_id: int, text: str, **fields: Any) -> None:
        """Change an own message; `sent_id` is the number of the last one."""
        self.update("edited_message", {**self._message(text, fields), "message_id": message_id})

    def tap(self, label: str) -> None:
        """Tap the newest button with this label; one of a keyboard of plain texts writes it."""
        for message in reversed(self.messages):
            for button in message.all_buttons():
                if button["text"] == label:
                    self._tapped(message, button)
                    return
        raise AssertionError(f"there is no button {label!r}; there are {[m.buttons for m in self.messages]}")

    def tap_on(self, message: ShownMessage, label: str) -> None:
        """Tap a button of this message, however old it is."""
        [button] = [each for each in message.all_buttons() if each["text"] == label]
        self._tapped(message, button)

    def tap_place(self, message_id: int, place: int) -> None:
        """Tap a button by its place among those of a message, counted from 0; nothing where there is none, or it opens an
        address.
        """
        for message in self.messages:
            buttons = list(message.all_buttons()) if message.message_id == message_id else []
            if place < len(buttons) and "url" not in buttons[place]:
                self._tapped(message, buttons[place])

    def update(self, kind: str, content: dict[str, Any]) -> None:
        """Let any kind of update come from this person: inline_query, pre_checkout_query, my_chat_member …"""
        nobodys = kind in NOBODYS or "user" in content
        found = content if nobodys else {"from": self._place.person.as_json(), **content}
        self._place.last = (kind, found)
        self._place.bot.handle(kind, found)

    def wait(self, **span: float) -> None:
        """Let time pass: minutes=5, as datetime.timedelta takes it. Buttons and conversations grow old, timers go off."""
        self._place.bot.wait(timedelta(**span).total_seconds())

    def bound(self, seconds: float, messages: int) -> None:
        """Have what goes on raise PlayTooLong when so much real time has passed from now, or the bot has sent so much."""
        self._place.bot.bound(seconds, messages)

    def fail(self, error: str = "failed", error_id: str = "TEST1") -> None:
        """Let the last update be given up, of which the error handlers are told."""
        self._place.bot.give_up(*self._place.latest, error, error_id)

    # Other chats with the same bot

    def person(self, person_id: int, **facts: Any) -> Chat:
        """The private chat of somebody else."""
        return self._other(_private(self._place.bot, Person(person_id, **facts)))

    def group(self, chat_id: int, person: Person | None = None, *, is_forum: bool = False) -> Chat:
        """A group that the bot is in, as Olga sees it, or another `person`; one with topics with `is_forum`."""
        if is_forum:
            self.telegram.forums.add(chat_id)
        kind = {"id": chat_id, "type": "supergroup", "title": "Group", "is_forum": is_forum}
        return self._other(_Place(self._place.bot, person or Person(9, "Olga", "olga"), kind))

    @staticmethod
    def someone(person_id: int, first_name: str, **facts: Any) -> Person:
        """Somebody to write in a group."""
        return Person(person_id, first_name, **facts)

    def replace_plugins(self, *plugins: tuple[type[BasePlugin], Mapping[str, Any]]) -> None:
        """Give the bot these plugins instead, as its owner does while people use it."""
        self._place.bot.choose(plugins)

    def _other(self, place: _Place) -> Chat:
        other: Chat = object.__new__(type(self))
        ChatView.__init__(other, self._plugin, place)
        return other

    def _tapped(self, message: ShownMessage, button: Mapping[str, Any]) -> None:
        if "callback_data" not in button:
            if "url" in button:
                raise AssertionError(f"the button opens {button['url']}")
            self.send(button["text"])
            return
        below = {"message_id": message.message_id, "date": int(self._place.bot.now), "chat": self._place.chat}
        query = {"id": str(self.telegram.next_id()), "chat_instance": "1", "data": button["callback_data"]}
        self.update("callback_query", {**query, "message": {**below, "text": message.text}})


def _named(name: str) -> type[BasePlugin]:
    """The plugin of the catalogue; AssertionError with the reason when there is none, or its file cannot be loaded."""
    known = catalogue()
    if name not in known.plugins or f"{name}.py" in known.problems:  # a former version is none to test
        failed = "; ".join(map(str, known.problems.values())) or "no file failed to load"
        raise AssertionError(f"there is no plugin {name!r}; {failed}")
    return known.plugins[name]


def _translated(plugin: type[BasePlugin]) -> type[BasePlugin]:
    """The class of a module that the test has imported itself, with the translations beside that module."""
    file = Path(getattr(sys.modules.get(plugin.__module__), "__file__", None) or "")
    source = PluginFolder(file.parent).read(file.name) if file.suffix == ".py" else None
    if source and not plugin.translations:
        plugin.translations = compiled(parted(source)[1])
    return plugin


def _private(bot: PlayedBot, person: Person) -> _Place:
    return _Place(bot, person, {"id": person.id, "type": "private", "first_name": person.first_name})
