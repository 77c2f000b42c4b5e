"""sendMessage and its relatives: the hot path of the sandbox."""

from __future__ import annotations

from typing import Any

from tools.sandbox.errors import STALE_CALLBACK, bad_request
from tools.sandbox.inbox import LIFETIME
from tools.sandbox.methods.chats import find_chat, writable_chat
from tools.sandbox.methods.markup import read_markup, read_text
from tools.sandbox.methods.topics import thread_of
from tools.sandbox.model import Bot, Conversation, Json
from tools.sandbox.params import Params
from tools.sandbox.world import World

ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
LONG_VALUE = 300
"""Characters of a parameter kept in the journal."""


def send_message(world: World, bot: Bot, params: Params) -> Json:
    """Send a text."""
    chat = writable_chat(world, bot, params)
    text, entities = read_text(params)
    content: Json = {"text": text}
    if entities:
        content["entities"] = entities
    return post(world, bot, chat, params, content, "sendMessage", text)


def post(
    world: World, bot: Bot, chat: Conversation, params: Params, content: Json, method: str, text: str | None
) -> Json:
    """Put a message of the bot into a chat and the journal; returns Telegram's ``Message``."""
    inline, keyboard = read_markup(params)
    thread = thread_of(world, bot, chat, params)
    now = world.clock.now()
    body: Json = {
        "message_id": bot.next_message_id(),
        "from": bot.as_user(),
        "chat": chat.chat,
        "date": int(now),
    }
    if "reply_parameters" in params or "reply_to_message_id" in params:
        _add_reply(body, chat, params)
    body.update(content)
    if thread:
        body |= {"message_thread_id": thread, "is_topic_message": True}
    if inline:
        body["reply_markup"] = inline
    message = world.keep_message(chat, body, outgoing=True)
    message.keyboard = keyboard
    record(world, bot, method, chat.chat["id"], text, params)
    return body


def record(
    world: World, bot: Bot, method: str, chat_id: int | None, text: str | None, params: Params
) -> None:
    """Write an accepted call into the journal, without the text a second time and without uploads."""
    lite = {
        name: value if not isinstance(value, str) else value[:LONG_VALUE]
        for name, value in params.values.items()
        if name not in ("chat_id", "text", "caption")
    }
    world.journal.add(world.clock.now(), bot.id, bot.username, method, chat_id, text, lite)


def _add_reply(body: Json, chat: Conversation, params: Params) -> None:
    given = params.structure("reply_parameters", "can't parse reply parameters JSON object") or {}
    message_id = int(given.get("message_id") or params.integer("reply_to_message_id"))
    original = chat.messages.get(message_id)
    if original is not None and not original.deleted:
        body["reply_to_message"] = {k: v for k, v in original.body.items() if k != "reply_to_message"}
    elif not (given.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply")):
        raise bad_request("message to be replied not found")


def send_chat_action(world: World, bot: Bot, params: Params) -> bool:
    """Show 'typing…'; not counted against the sending limits."""
    chat = find_chat(world, bot, params)
    if params.text("action") not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    record(world, bot, "sendChatAction", chat.chat["id"], None, params)
    return True


def _original(world: World, bot: Bot, params: Params, verb: str) -> Json:
    source = find_chat(world, bot, params, "from_chat_id")
    message = source.messages.get(params.integer("message_id"))
    if message is None or message.deleted:
        raise bad_request(f"message to {verb} not found")
    return message.body


_NOT_COPIED = frozenset(
    {"message_id", "from", "chat", "date", "edit_date", "reply_markup", "reply_to_message", "forward_origin"}
    | {"message_thread_id", "is_topic_message"}
)


def copy_message(world: World, bot: Bot, params: Params) -> Json:
    """Send the same content again, without a link to the original."""
    original = _original(world, bot, params, "copy")
    chat = writable_chat(world, bot, params)
    content = {name: value for name, value in original.items() if name not in _NOT_COPIED}
    sent = post(world, bot, chat, params, content, "copyMessage", original.get("text"))
    return {"message_id": sent["message_id"]}


def forward_message(world: World, bot: Bot, params: Params) -> Json:
    """Send the same content again, with its origin."""
    original = _original(world, bot, params, "forward")
    chat = writable_chat(world, bot, params)
    content = {name: value for name, value in original.items() if name not in _NOT_COPIED}
    content["forward_origin"] = {"type": "user", "sender_user": original["from"], "date": original["date"]}
    return post(world, bot, chat, params, content, "forwardMessage", original.get("text"))


def answer_callback_query(world: World, bot: Bot, params: Params) -> bool:
    """Answer a pressed button. ApiError 400 when it is too old, unknown or somebody else's."""
    callback = world.callbacks.get(params.text("callback_query_id"))
    too_old = world.clock.now() - LIFETIME["callback_query"]
    if callback is None or callback.bot_id != bot.id or callback.created_at < too_old:
        raise bad_request(STALE_CALLBACK)
    if len(params.text("text")) > 200:  # Bot API: answerCallbackQuery, 0-200 characters
        raise bad_request("MESSAGE_TOO_LONG")
    answer: dict[str, Any] = {"text": params.text("text"), "show_alert": params.flag("show_alert")}
    callback.answer = answer
    record(world, bot, "answerCallbackQuery", callback.user_id, answer["text"] or None, params)
    return True
