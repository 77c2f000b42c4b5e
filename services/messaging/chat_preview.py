"""A picture of a chat with a bot whose plugins are configured so, saved or not: played in memory, step by step.

Nothing is kept between two pictures: whoever asks says all steps again. Router, contexts and markup are those of the product;
Telegram is played, other APIs are away, nothing is written. Only built-in plugins take part, because a custom one's code
runs where it can be stopped, in a worker, and never in the process that serves pages.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import TypedDict

from models import Bot
from plugins.http import HttpError
from services.fleet.bots.choices import PluginChoice, rows_of
from services.fleet.plugin_catalogue import catalogue
from services.fleet.text_preview import SAMPLE, BlockView, blocks_of
from services.messaging.plugin_kit.chat import Chat
from services.messaging.plugin_kit.played_telegram import ShownMessage, TelegramRefuses

MOST_STEPS: Final = 30
LONGEST_STEP: Final = 4096  # characters of a message, as Telegram takes it


@dataclass(frozen=True)
class Step:
    """What the person does: writes `text`, or taps the button at `place` below the message `message_id`."""

    text: str = ""
    message_id: int = 0
    place: int = 0


class ButtonView(TypedDict):
    """A button; `place` is how a step names it, `url` what it opens instead."""

    text: str
    place: int
    url: str


class ChatMessageView(TypedDict):
    """A message as it stands at the end, of the person (`is_own`) or the bot."""

    message_id: int
    is_own: bool
    blocks: list[BlockView]
    rows: list[list[ButtonView]]


class ChatPictureView(TypedDict):
    """The chat. `notice` is what the last tap was answered with; `refusal` is Telegram's word against a message, which ends
    the play; `left_out` are plugins that are not played.
    """

    messages: list[ChatMessageView]
    notice: str
    refusal: str
    left_out: list[str]


class _Away(dict[str, Any]):
    """Other APIs, none of which can be reached."""

    def __contains__(self, url: object) -> bool:
        return True

    def __missing__(self, url: str) -> HttpError:
        return HttpError("unreachable")


def picture(
    bot: Bot, choices: Sequence[PluginChoice], steps: Sequence[Step], language: str
) -> ChatPictureView:
    """How the chat stands after `steps`. Raises InvalidInput as saving would."""
    chosen = [(row.name, row.config) for row in rows_of(choices) if row.enabled]
    played = [(catalogue().built_in[name], config) for name, config in chosen if name in catalogue().built_in]
    left_out = [name for name, _ in chosen if name not in catalogue().built_in]
    if not played:
        return {"messages": [], "notice": "", "refusal": "", "left_out": left_out}
    (first, config), *beside = played
    chat = Chat(
        first,
        config,
        beside=beside,
        strategy=bot.fsm_strategy,
        bot_name=bot.name,
        language=language,
        first_name=str(SAMPLE["first_name"]),
        username=str(SAMPLE["username"]),
    )
    chat.http.answers = _Away()
    own, refusal = _play(chat, steps)
    messages = sorted([*own, *map(_shown, chat.messages)], key=lambda each: each["message_id"])
    return {"messages": messages, "notice": _notice(chat, steps), "refusal": refusal, "left_out": left_out}


def _play(chat: Chat, steps: Iterable[Step]) -> tuple[list[ChatMessageView], str]:
    """The person's messages, and why the play ended early, "" when it did not."""
    own: list[ChatMessageView] = []
    try:
        for step in steps:
            time.sleep(0)  # the process serves clicks as well, and a big menu takes it 15 ms
            chat.telegram.notices.clear()
            if step.message_id:
                chat.tap_place(step.message_id, step.place)
                continue
            number = chat.telegram.next_id()
            own.append(
                {"message_id": number, "is_own": True, "blocks": blocks_of(step.text, None), "rows": []}
            )
            chat.send(step.text)
    except TelegramRefuses as refused:
        return own, refused.description
    return own, ""


def _notice(chat: Chat, steps: Sequence[Step]) -> str:
    return chat.notice if steps and steps[-1].message_id else ""


def _shown(message: ShownMessage) -> ChatMessageView:
    source = str(message.params.get("text", message.params.get("caption", message.method)))
    return {
        "message_id": message.message_id,
        "is_own": False,
        "blocks": blocks_of(source, message.params.get("parse_mode")),
        "rows": _rows(message),
    }


def _rows(message: ShownMessage) -> list[list[ButtonView]]:
    markup = message.params.get("reply_markup") or {}
    rows: list[list[ButtonView]] = []
    place = 0
    for row in markup.get("inline_keyboard") or markup.get("keyboard") or ():
        rows.append([])
        for each in row:
            button = each if isinstance(each, dict) else {"text": each}
            rows[-1].append({"text": str(button["text"]), "place": place, "url": str(button.get("url", ""))})
            place += 1
    return rows
