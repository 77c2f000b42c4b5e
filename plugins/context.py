"""What a handler works with: the update's facts, and wishes that take effect together once the handler ends well.

Nothing here does I/O but the first look at the conversation's state. Everything wanted is collected in `effects`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from plugins.address import ANONYMOUS_ADMIN, CHANNEL, TELEGRAM, Address, address_of
from plugins.answers import CallAnswer
from plugins.buttons import Button, Kept, Tap, unpacked
from plugins.commands import Command, command_in
from plugins.conversation import ConversationContext
from plugins.effects import Call, Effects, Priority
from plugins.files import STORED_FILE, BotFile, Files, NoFiles
from plugins.fleet import Fleet, NoFleet
from plugins.goals import GoalContext
from plugins.http import HttpClient, NoHttp
from plugins.markup import HTML, MARKDOWN
from plugins.texts import AS_THE_BOT, escaped, filled
from plugins.timers import TimerContext, TimerFired
from plugins.translations import TranslatingContext, Translations

COMMANDING: Final = ("message", "edited_message")  # kinds of update in which a command can name a bot
DEFAULT_LANGUAGE = "en"


class Strategy(StrEnum):
    """Whose a conversation is: a person's in all chats, a person's in one chat, or a whole chat's."""

    GLOBAL_USER = "GLOBAL_USER"
    USER_IN_CHAT = "USER_IN_CHAT"
    CHAT = "CHAT"


@dataclass(frozen=True)
class BotFacts:
    """What a plugin may know of its bot; never its token."""

    id: int
    username: str
    name: str
    strategy: Strategy = Strategy.USER_IN_CHAT
    parse_mode: str | None = HTML  # of texts that name no other; None for plain ones
    disable_web_page_preview: bool = False
    is_manager: bool = False
    keeps_messages: bool = False  # for the operators' inbox


@dataclass(frozen=True)
class Lead:
    """The person behind an update."""

    telegram_id: int
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language: str = ""


@dataclass
class Context(TranslatingContext, ConversationContext, TimerContext, GoalContext):
    """One update's handling. `chat_id` is 0 where the update has no chat."""

    bot: BotFacts
    kind: str
    event: Any
    chat_id: int
    lead: Lead
    update: dict[str, Any] = field(
        default_factory=dict
    )  # as Telegram sent it, what the library does not know included
    request_id: str = ""
    former_chat_id: int = 0  # of an upgraded group, whose conversation is kept under it; known once read
    start_param: str = ""
    is_admin: bool = False  # whoever is behind this is on the bot's list of administrators
    error_id: str = ""
    match: re.Match[str] | None = None
    plugin: str = ""  # whose handler is asked, or was asked last
    plugins: frozenset[str] | None = None  # those that are on for the bot; None where nobody says
    translations: Mapping[str, Translations] = field(default_factory=dict)  # of the bot's plugins, by name
    before_handler: Callable[[], None] | None = None  # told when a handler of `plugin` is about to run
    load_state: Callable[[Any], dict[str, Any]] = lambda _ctx: {}  # of the context that it is given
    tap: Tap | None = None
    pack: Callable[[Button], tuple[str, Kept | None]] = unpacked
    lock: Callable[[str], AbstractContextManager[None]] = lambda _name: nullcontext()
    notify_owner: Callable[[str, dict[str, Any]], None] = lambda _kind, _params: None
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("plugins"))
    open_http: Callable[[Any], HttpClient] = lambda _ctx: NoHttp()
    files: Files = field(default_factory=NoFiles)
    fleet: Fleet = field(default_factory=NoFleet)  # the manager bot's alone
    run: Callable[[Coroutine[Any, Any, Any]], Any] = asyncio.run  # what an `async def` handler is run by
    clock: Callable[[], float] = time.time
    effects: Effects = field(default_factory=Effects)
    has_lost_conversation: bool = False  # it was in a state that no plugin of the bot knows any more

    @property
    def http(self) -> HttpClient:
        """The client for other people's APIs."""
        return self.open_http(self)

    # What came

    @cached_property
    def command(self) -> Command | None:
        """The command in this message; None for other text, and for one addressed to another bot."""
        found = command_in(getattr(self.event, "text", None)) if self.kind == "message" else None
        return found if found and found.is_for(self.bot.username) else None

    @cached_property
    def is_for_another_bot(self) -> bool:
        """Whether this message, or what it was edited to, is a command for another bot of the chat."""
        found = command_in(getattr(self.event, "text", None)) if self.kind in COMMANDING else None
        return found is not None and not found.is_for(self.bot.username)

    @cached_property
    def address(self) -> Address:
        """Where this update belongs: the chat, topic, business connection and message that replies go to."""
        if isinstance(self.event, CallAnswer | TimerFired):
            return self.event.address
        return address_of(self.event, self.chat_id)

    @property
    def acting_id(self) -> int:
        """Whose conversation and buttons these are: the person's id, or the one that anonymous administrators share."""
        return ANONYMOUS_ADMIN if self.tap is not None and self.tap.anonymous else self.lead.telegram_id

    @property
    def message(self) -> Any:
        """The message this update is or hangs on; None for a tap below a message sent by way of the bot (inline)."""
        return self.event.message if self.kind == "callback_query" else self.event

    @property
    def now(self) -> datetime:
        """The moment, in UTC: what a test can move on, unlike Python's own clocks."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def translate(self, texts: dict[str, str]) -> str:
        """The text in the person's language out of {"pt": …, "en": …}; English when theirs is missing."""
        language = self.lead.language.partition("-")[0]
        return texts.get(language) or texts.get(DEFAULT_LANGUAGE) or next(iter(texts.values()), "")

    @staticmethod
    def escape(value: object) -> str:
        """`value` for use inside HTML: everything that came from a person goes through this."""
        return escaped(value, HTML)

    @staticmethod
    def escape_markdown(value: object) -> str:
        """`value` for use in text sent with parse_mode MarkdownV2."""
        return escaped(value, MARKDOWN)

    def fill(
        self, template: str, parse_mode: str | None = AS_THE_BOT, more: Mapping[str, object] | None = None
    ) -> str:
        """`template` with {first_name}, {last_name}, {username}, {id}, {start_param}, {bot_name} and those of `more` filled in,
        escaped.
        """
        values = {
            **(more or {}),
            "first_name": self.lead.first_name,
            "last_name": self.lead.last_name,
            "username": self.lead.username,
            "id": self.lead.telegram_id,
            "start_param": self.start_param or (more or {}).get("start_param", ""),
            "bot_name": self.bot.name,
        }
        return filled(template, values, self._mode(parse_mode))

    # What is wanted

    def send(
        self, text: str, *, reply_markup: Any = None, parse_mode: str | None = AS_THE_BOT, **params: Any
    ) -> None:
        """Send `text` to where this update belongs, or to `chat_id=`; as the bot's settings say unless a parse_mode or None is given."""
        self.api(
            "sendMessage",
            **{
                **(self.address.to_send() if self._stays(params) else {}),
                "text": text,
                "parse_mode": self._mode(parse_mode),
                **_markup(reply_markup),
                **self._preview(params),
                **params,
            },
        )

    def send_media(
        self,
        kind: str,
        media: str | BotFile,
        caption: str = "",
        *,
        reply_markup: Any = None,
        parse_mode: str | None = AS_THE_BOT,
        **params: Any,
    ) -> None:
        """Send a `kind` of media (photo, video, animation, audio, voice, video_note, document, sticker) to where this update
        belongs; `media` is its https address, the file_id by which this bot knows it, or a file of ours.
        """
        method = f"send{kind.title().replace('_', '')}"
        place = self.address.to_send() if self._stays(params) else {}
        text = {"caption": caption, "parse_mode": self._mode(parse_mode)} if caption else {}
        given = {STORED_FILE: media.id} if isinstance(media, BotFile) else media
        self.api(method, **{**place, kind: given, **text, **_markup(reply_markup), **params})

    def answer(self, text: str = "", *, show_alert: bool = False, **params: Any) -> None:
        """Answer a button tap with a notice, or a message with a reply to it."""
        if self.kind == "callback_query":
            alert: dict[str, Any] = {"text": text, "show_alert": show_alert} if text else {}
            self.api("answerCallbackQuery", callback_query_id=self.event.id, **alert, **params)
        else:
            reply = self.address.to_reply() if self._stays(params) else {}
            self.send(text, **{**reply, **params})

    def _mode(self, parse_mode: str | None) -> str | None:
        return self.bot.parse_mode if parse_mode == AS_THE_BOT else parse_mode

    def _preview(self, params: dict[str, Any]) -> dict[str, Any]:
        """What the bot's settings say of previews, unless the parameters do."""
        if not self.bot.disable_web_page_preview or "disable_web_page_preview" in params:
            return {}
        return {"link_preview_options": {"is_disabled": True}}

    def _stays(self, params: dict[str, Any]) -> bool:
        """Whether a message with these parameters goes to the chat that this update came from."""
        return bool(params.get("chat_id", self.chat_id) == self.chat_id)

    def button(
        self,
        text: str,
        action: str,
        payload: str = "",
        *,
        once: bool = False,
        everybody: bool = False,
        seconds: int | None = None,
        chat_id: int | None = None,
        user_id: int | None = None,
    ) -> dict[str, str]:
        """A button for an inline keyboard whose tap reaches `router.callback(action)` with `ctx.tap.payload`.

        It works for this person in this chat (or those named), or for `everybody` in the chat; `once` a single time. One for
        an anonymous administrator works for the group's administrators, one for a channel that writes in a group for everybody.
        `seconds` is its life: 5 minutes for single-use ones, else 30 days, unless the installation says otherwise.
        """
        everybody = everybody or (user_id is None and self.lead.telegram_id in (CHANNEL, TELEGRAM))
        data, kept = self.pack(
            Button(
                action,
                payload,
                user_id=0 if everybody else self.acting_id if user_id is None else user_id,
                chat_id=self.chat_id if chat_id is None else chat_id,
                once=once,
                seconds=seconds,
            )
        )
        if kept is not None:
            self.effects.kept.append(kept)
        return {"text": text, "callback_data": data}

    def edit(
        self,
        text: str,
        *,
        message_id: int | None = None,
        reply_markup: Any = None,
        parse_mode: str | None = AS_THE_BOT,
        **params: Any,
    ) -> None:
        """Replace the text of the bot's message `message_id`, or of the one whose button was tapped."""
        self.api(
            "editMessageText",
            **self.address.to_edit(message_id),
            text=text,
            parse_mode=self._mode(parse_mode),
            **_markup(reply_markup),
            **self._preview(params),
            **params,
        )

    def delete(self, message_id: int | None = None) -> None:
        """Delete the message `message_id`, or the one at hand; of an inline one, which no bot can delete, the buttons."""
        method, params = self.address.to_delete(message_id)
        self.api(method, **params)

    def api(
        self,
        method: str,
        *,
        priority: Priority = Priority.REPLY,
        then: str = "",
        note: Any = None,
        **params: Any,
    ) -> None:
        """Call any Bot API method with exactly these parameters; those that are None are left out.

        With `then` the plugin's `router.answered(then)` gets Telegram's answer, and with it `note` (JSON).
        """
        given = {name: value for name, value in params.items() if value is not None}
        self.effects.calls.append(Call(method, given, priority, then, note, self.plugin))


def _markup(markup: Any) -> dict[str, Any]:
    """`reply_markup` as plain data; telebot's keyboard types are taken as they are."""
    if markup is None:
        return {}
    return {"reply_markup": markup if isinstance(markup, dict) else json.loads(markup.to_json())}
