"""sendPhoto, sendVideo and the other methods whose message carries a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tools.sandbox.errors import bad_request
from tools.sandbox.methods.chats import writable_chat
from tools.sandbox.methods.files import file_json, take_file
from tools.sandbox.methods.markup import read_caption
from tools.sandbox.methods.sending import post
from tools.sandbox.model import Bot, Json, StoredFile
from tools.sandbox.params import Params
from tools.sandbox.world import World


def _photo(stored: StoredFile) -> list[Json]:
    """Telegram hands a photo back as a list of sizes; the sandbox knows one, 1280 x 720."""
    return [{**file_json(stored), "width": 1280, "height": 720}]


_FACTS: dict[str, Json] = {
    "video": {"width": 1280, "height": 720, "duration": 10},
    "animation": {"width": 1280, "height": 720, "duration": 10},
    "audio": {"duration": 10},
    "voice": {"duration": 10},
    "video_note": {"length": 384, "duration": 10},
    "sticker": {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False},
    "document": {},
}
"""What Telegram reads out of a file; the sandbox reads nothing and makes it up."""
ALBUM_KINDS = ("photo", "video", "audio", "document")
LARGEST_ALBUM = 10
_NAMED = frozenset({"video", "animation", "audio", "document"})
_MUTE = frozenset({"sticker", "video_note"})
"""Kinds whose message has no caption."""


def file_content(kind: str, stored: StoredFile) -> Json:
    """What a message with this file says of it."""
    if kind == "photo":
        return {"photo": _photo(stored)}
    content = {**file_json(stored), **_FACTS[kind]}
    if kind in _NAMED:
        content["file_name"] = stored.name
    if kind == "animation":  # also a document, so that old programs can show it
        return {kind: content, "document": {**file_json(stored), "file_name": stored.name}}
    return {kind: content}


def _sender(method: str, kind: str) -> Callable[[World, Bot, Params], Json]:
    def send(world: World, bot: Bot, params: Params) -> Json:
        chat = writable_chat(world, bot, params)
        caption, entities = read_caption(params) if kind not in _MUTE else ("", [])
        stored = take_file(world, bot, params, kind)
        content = file_content(kind, stored)
        if caption:
            content["caption"] = caption
            if entities:
                content["caption_entities"] = entities
        if params.flag("protect_content"):
            content["has_protected_content"] = True
        return post(world, bot, chat, params, content, method, caption or None)

    return send


def send_album(world: World, bot: Bot, params: Params) -> list[Json]:
    """sendMediaGroup: a message for each file of `media`, in order."""
    items = params.structure("media", "can't parse media JSON object")
    if not isinstance(items, list) or not 2 <= len(items) <= LARGEST_ALBUM:
        raise bad_request("wrong number of messages in the album")
    messages = []
    for item in items:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind not in ALBUM_KINDS:
            raise bad_request("can't parse InputMedia: wrong type")
        values = {**params.values, kind: item.get("media"), "caption": item.get("caption")}
        messages.append(_sender("sendMediaGroup", kind)(world, bot, replace(params, values=values)))
    return messages


_KINDS = {
    "sendPhoto": "photo",
    "sendVideo": "video",
    "sendAudio": "audio",
    "sendDocument": "document",
    "sendAnimation": "animation",
    "sendVoice": "voice",
    "sendSticker": "sticker",
    "sendVideoNote": "video_note",
}
FILE_KINDS = tuple(_KINDS.values())
METHODS: dict[str, Callable[[World, Bot, Params], Any]] = {
    **{method: _sender(method, kind) for method, kind in _KINDS.items()},
    "sendMediaGroup": send_album,
}
