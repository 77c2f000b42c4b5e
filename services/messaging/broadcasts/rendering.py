"""A broadcast's message as the call that brings it to one person, or that changes it there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from plugins.files import LIBRARY_FILE
from plugins.flows.parts import ButtonKind, Message, MessageKind
from plugins.markup import HTML
from plugins.texts import filled
from services.core.encryption import Vault
from services.core.i18n import Text, translate
from services.messaging.buttons.callback_data import CallbackSigner
from services.messaging.limits.opt_out_button import OPT_OUT

OPT_OUT_LABEL: Final = Text("🔕 No more of these")
OPT_OUT_SECONDS: Final = 365 * 86_400
METHODS: Final = {
    MessageKind.TEXT: "sendMessage",
    MessageKind.PHOTO: "sendPhoto",
    MessageKind.VIDEO: "sendVideo",
    MessageKind.ANIMATION: "sendAnimation",
    MessageKind.AUDIO: "sendAudio",
    MessageKind.VOICE: "sendVoice",
    MessageKind.VIDEO_NOTE: "sendVideoNote",
    MessageKind.DOCUMENT: "sendDocument",
}


@dataclass(frozen=True)
class Reader:
    """Somebody who gets a message: their id, how they are called, their language; and by which bot."""

    bot_id: int
    bot_name: str
    telegram_id: int
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language: str = ""

    def values(self) -> dict[str, object]:
        """What the variables of a text stand for."""
        return {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "username": self.username,
            "id": self.telegram_id,
            "start_param": "",
            "bot_name": self.bot_name,
        }


class Renderer:
    """Makes the calls of one broadcast. `broadcast_id` stands in the button by which people want no more."""

    def __init__(self, vault: Vault, broadcast_id: int, *, has_opt_out: bool) -> None:
        self._signer = CallbackSigner(vault)
        self._broadcast_id = broadcast_id
        self._has_opt_out = has_opt_out

    def sending(self, message: Message, reader: Reader) -> tuple[str, dict[str, Any]]:
        """The method and parameters that send it."""
        params: dict[str, Any] = {"chat_id": reader.telegram_id, **self._words(message, reader)}
        if message.kind is not MessageKind.TEXT:
            media = {LIBRARY_FILE: message.media} if isinstance(message.media, int) else message.media
            params[str(message.kind)] = media
        if message.allow_paid_broadcast:
            params["allow_paid_broadcast"] = True
        return METHODS[message.kind], params

    def editing(self, message: Message, reader: Reader, message_id: int) -> tuple[str, dict[str, Any]]:
        """The same for what was sent as `message_id`: its text, or its caption, and its buttons."""
        words = self._words(message, reader)
        method = "editMessageText" if message.kind is MessageKind.TEXT else "editMessageCaption"
        return method, {"chat_id": reader.telegram_id, "message_id": message_id, **words}

    def _words(self, message: Message, reader: Reader) -> dict[str, Any]:
        name = "text" if message.kind is MessageKind.TEXT else "caption"
        text = filled(message.text, reader.values(), HTML)
        words = (
            {name: text, "parse_mode": HTML} if text and message.kind is not MessageKind.VIDEO_NOTE else {}
        )
        rows = [[_button(each) for each in row] for row in message.buttons]
        if self._has_opt_out:
            rows.append(
                [
                    opt_out_button(
                        self._signer, self._broadcast_id, reader.bot_id, reader.telegram_id, reader.language
                    )
                ]
            )
        return {**words, "reply_markup": {"inline_keyboard": rows}} if rows else words


def opt_out_button(
    signer: CallbackSigner, broadcast_id: int, bot_id: int, person: int, language: str
) -> dict[str, str]:
    """The button by which somebody wants no more of a broadcast, of a series of its first one."""
    data = signer.pack(
        bot_id=bot_id,
        user_id=person,
        chat_id=person,
        action=OPT_OUT,
        payload=str(broadcast_id),
        expires_at=int(time.time()) + OPT_OUT_SECONDS,
    )
    return {"text": translate(OPT_OUT_LABEL, language), "callback_data": data}


def deleting(reader: Reader, message_id: int) -> tuple[str, dict[str, Any]]:
    """The call that takes back what was sent."""
    return "deleteMessage", {"chat_id": reader.telegram_id, "message_id": message_id}


def _button(button: Any) -> dict[str, Any]:
    if button.kind is ButtonKind.WEB_APP:
        return {"text": button.text, "web_app": {"url": button.url}}
    return {"text": button.text, "url": button.url}
