"""Checks of text, caption and reply_markup; what passes is in the form Telegram hands back."""

from __future__ import annotations

from typing import Any

from tools.sandbox.entities import with_found
from tools.sandbox.errors import bad_request
from tools.sandbox.model import Json
from tools.sandbox.params import Params
from tools.sandbox.text import parse_html, utf16_length

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
"""UTF-16 units after markup is taken out (Bot API: sendMessage, sendPhoto)."""
CALLBACK_DATA_LIMIT = 64
"""Bytes (Bot API: InlineKeyboardButton)."""


def read_text(params: Params) -> tuple[str, list[Json]]:
    """Text and entities of a message. ApiError 400 when empty, too long or wrongly marked up."""
    text, entities = _parsed(params, "text", "entities")
    if not text.strip():
        raise bad_request("message text is empty")
    if utf16_length(text) > TEXT_LIMIT:
        raise bad_request("message is too long")
    return text, entities


def read_caption(params: Params) -> tuple[str, list[Json]]:
    """Caption and entities; empty is fine. ApiError 400 above 1024 units."""
    text, entities = _parsed(params, "caption", "caption_entities")
    if utf16_length(text) > CAPTION_LIMIT:
        raise bad_request("message caption is too long")
    return text, entities


def _parsed(params: Params, text_name: str, entities_name: str) -> tuple[str, list[Json]]:
    text = params.text(text_name)
    mode = params.text("parse_mode").lower()
    if mode == "html":
        text, entities = parse_html(text)
        return text, with_found(text, entities)
    if mode not in ("", "markdown", "markdownv2"):
        raise bad_request("unsupported parse_mode")
    given = params.structure(entities_name, "can't parse entities JSON array") if not mode else None
    return text, with_found(text, list(given or []))


def read_markup(params: Params) -> tuple[Json | None, Json | None]:
    """``(inline keyboard, other keyboard)`` of reply_markup. ApiError 400 for what Telegram refuses."""
    if "reply_markup" not in params.values:
        return None, None
    markup = params.structure("reply_markup", "can't parse reply keyboard markup JSON object")
    if markup is None:
        return None, None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" in markup:
        rows = _inline_rows(markup["inline_keyboard"])
        return ({"inline_keyboard": rows} if rows else None), None
    return None, markup


def _inline_rows(rows: Any) -> list[list[Json]]:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" must be of type Array of Arrays')
    return [[_button(button) for button in row] for row in rows if row]


def _button(button: Any) -> Json:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise bad_request('can\'t parse inline keyboard button: Object expected with field "text"')
    if not button["text"].strip():
        raise bad_request("inline keyboard button text is empty")
    if "callback_data" in button:
        size = len(str(button["callback_data"]).encode())
        if not 1 <= size <= CALLBACK_DATA_LIMIT:
            raise bad_request("BUTTON_DATA_INVALID")
    elif "url" in button:
        if not str(button["url"]).startswith(("http://", "https://", "tg://")):
            raise bad_request("BUTTON_URL_INVALID")
    elif len(button) < 2:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    return dict(button)
