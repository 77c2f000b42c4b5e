"""Changing and deleting messages that are there already."""

from __future__ import annotations

from tools.sandbox.errors import NOT_MODIFIED, bad_request
from tools.sandbox.methods.chats import find_chat
from tools.sandbox.methods.markup import read_caption, read_markup, read_text
from tools.sandbox.methods.sending import record
from tools.sandbox.model import Bot, Conversation, Json, Message
from tools.sandbox.params import Params
from tools.sandbox.world import World

DELETE_WINDOW = 48 * 3600
"""Seconds in which a bot may delete a message (Bot API: deleteMessage)."""


def edit_message_text(world: World, bot: Bot, params: Params) -> Json:
    """New text and buttons; buttons that are left out disappear."""
    chat, message = _own_message(world, bot, params)
    text, entities = read_text(params)
    return _change(world, bot, chat, message, params, "editMessageText", {"text": text, "entities": entities})


def edit_message_caption(world: World, bot: Bot, params: Params) -> Json:
    """New caption and buttons."""
    chat, message = _own_message(world, bot, params)
    text, entities = read_caption(params)
    changes = {"caption": text, "caption_entities": entities}
    return _change(world, bot, chat, message, params, "editMessageCaption", changes)


def edit_message_reply_markup(world: World, bot: Bot, params: Params) -> Json:
    """New buttons only."""
    chat, message = _own_message(world, bot, params)
    return _change(world, bot, chat, message, params, "editMessageReplyMarkup", {})


def _own_message(world: World, bot: Bot, params: Params) -> tuple[Conversation, Message]:
    if "inline_message_id" in params:
        raise bad_request("MESSAGE_ID_INVALID")
    chat = find_chat(world, bot, params)
    message = chat.messages.get(params.integer("message_id"))
    if message is None or message.deleted:
        raise bad_request("message to edit not found")
    if not message.outgoing:
        raise bad_request("message can't be edited")
    return chat, message


def _change(
    world: World, bot: Bot, chat: Conversation, message: Message, params: Params, method: str, changes: Json
) -> Json:
    inline, _keyboard = read_markup(params)
    wanted = {**changes, "reply_markup": inline}
    if all((message.body.get(name) or None) == (value or None) for name, value in wanted.items()):
        raise bad_request(NOT_MODIFIED)
    kept = {name: value for name, value in message.body.items() if name not in wanted}
    kept.update({name: value for name, value in wanted.items() if value})
    kept["edit_date"] = int(world.clock.now())
    message.body = kept  # a new object: updates that hold the old message keep it as it was
    message.edited = True
    world.touch(message)
    record(world, bot, method, chat.chat["id"], changes.get("text") or changes.get("caption"), params)
    return message.body


def delete_message(world: World, bot: Bot, params: Params) -> bool:
    """Delete a message, a received one too in private chats, for 48 hours."""
    chat = find_chat(world, bot, params)
    message = chat.messages.get(params.integer("message_id"))
    if message is None or message.deleted:
        raise bad_request("message to delete not found")
    if message.body["date"] < world.clock.now() - DELETE_WINDOW:
        raise bad_request("message can't be deleted for everyone")
    message.deleted = True
    world.touch(message)
    record(world, bot, "deleteMessage", chat.chat["id"], None, params)
    return True
