"""What people do in their chats: write, press Start, press buttons, block. Each act becomes an update."""

from __future__ import annotations

from typing import Any

from tools.sandbox.entities import with_found
from tools.sandbox.errors import ControlError
from tools.sandbox.methods.files import receive_file
from tools.sandbox.methods.media import FILE_KINDS, file_content
from tools.sandbox.model import Bot, Conversation, Group, Json, User
from tools.sandbox.names import PAYLOAD_PATTERN
from tools.sandbox.params import Upload
from tools.sandbox.text import utf16_length
from tools.sandbox.world import World

MEMBER: Json = {"status": "member"}
TEXT_LIMIT = 4096


def send_text(world: World, bot: Bot, user: User, text: str) -> Json:
    """The user writes to the bot. ControlError 409 while the user blocks the bot."""
    if not text or utf16_length(text) > TEXT_LIMIT:
        raise ControlError(400, "bad_text", f"a text has 1 to {TEXT_LIMIT} UTF-16 units")
    chat = world.conversation(bot, user)
    if chat.blocked:
        raise ControlError(409, "blocked", "the user blocks this bot; unblock or press Start first")
    chat.started = True
    body = _message(world, bot, user.as_user(), chat.chat, text)
    world.keep_message(chat, body, outgoing=False)
    world.emit(bot, "message", body)
    return body


def send_file(world: World, bot: Bot, user: User, kind: str, upload: Upload) -> Json:
    """The user sends a photo, a document … to the bot. ControlError 400 for a kind that there is not, 409 as for texts."""
    if kind not in FILE_KINDS:
        raise ControlError(400, "bad_kind", f"a file is one of {', '.join(FILE_KINDS)}")
    chat = world.conversation(bot, user)
    if chat.blocked:
        raise ControlError(409, "blocked", "the user blocks this bot; unblock or press Start first")
    chat.started = True
    body = _message(world, bot, user.as_user(), chat.chat, "")
    del body["text"]
    body.update(file_content(kind, receive_file(world, bot, kind, upload)))
    world.keep_message(chat, body, outgoing=False)
    world.emit(bot, "message", body)
    return body


def press_start(world: World, bot: Bot, user: User, payload: str) -> Json:
    """The user presses Start (or Restart, which also unblocks). ControlError 400 for a bad payload."""
    if payload and not PAYLOAD_PATTERN.fullmatch(payload):
        raise ControlError(400, "bad_payload", "a start payload is 1-64 of A-Z a-z 0-9 _ -")
    unblock(world, bot, user)
    return send_text(world, bot, user, f"/start {payload}".rstrip())


def press_button(world: World, bot: Bot, user: User, message_id: int, data: str) -> str:
    """The user presses an inline button; returns the callback query id. ControlError 404 or 409."""
    chat = world.conversation(bot, user)
    message = chat.messages.get(message_id)
    if message is None or message.deleted:
        raise ControlError(404, "no_such_message", f"there is no message {message_id} in this chat")
    if data not in _callback_data(message.body):
        raise ControlError(404, "no_such_button", "the message has no button with this data")
    if chat.blocked:
        raise ControlError(409, "blocked", "the user blocks this bot")
    query_id = world.new_callback(bot, user)
    query = {
        "id": query_id,
        "from": user.as_user(),
        "message": message.body,
        "chat_instance": str(hash((bot.id, user.id)) & (2**62 - 1)),
        "data": data,
    }
    world.emit(bot, "callback_query", query)
    return query_id


def block(world: World, bot: Bot, user: User) -> None:
    """The user stops and blocks the bot; a repeat does nothing."""
    chat = world.conversation(bot, user)
    if not chat.blocked:
        chat.blocked = True
        _membership(world, bot, user, chat, MEMBER, {"status": "kicked", "until_date": 0})


def unblock(world: World, bot: Bot, user: User) -> None:
    """The user unblocks the bot; a repeat does nothing."""
    chat = world.conversation(bot, user)
    if chat.blocked:
        chat.blocked = False
        _membership(world, bot, user, chat, {"status": "kicked", "until_date": 0}, MEMBER)


def send_to_group(world: World, group: Group, user: User, text: str, topic: int = 0) -> int:
    """The user writes in a group, or one of its topics; every bot in it gets the message. Returns how many bots that were.

    ControlError 404 for a topic that is not there.
    """
    place = _in_topic(group, topic)
    for bot_id in group.bots:
        bot = world.bots[bot_id]
        chat = bot.conversations.setdefault(group.id, Conversation(group.as_chat(), started=True))
        body = {**_message(world, bot, user.as_user(), chat.chat, text), **place}
        if topic in chat.messages:
            body["reply_to_message"] = chat.messages[
                topic
            ].body  # as Telegram does with each message of a topic
        world.keep_message(chat, body, outgoing=False)
        world.emit(bot, "message", body)
    return len(group.bots)


def change_topic(world: World, group: Group, topic: int, act: str) -> None:
    """A person closes, opens again or deletes a topic. ControlError 404 for one, or an act, that there is not."""
    _in_topic(group, topic)
    if act == "delete":
        world.delete_topic(group, topic)
    elif act in ("close", "reopen"):
        group.topics[topic].is_closed = act == "close"
    else:
        raise ControlError(404, "no_such_act", "close, reopen or delete")


def _in_topic(group: Group, topic: int) -> Json:
    if topic and topic not in group.topics:
        raise ControlError(404, "no_such_topic", f"there is no topic {topic}")
    return {"message_thread_id": topic, "is_topic_message": True} if topic else {}


def inject(world: World, bot: Bot, update: dict[str, Any]) -> int | None:
    """Queue a raw update as it is; people and chats it names come into being. None when filtered."""
    kinds = [key for key in update if key != "update_id"]
    if len(kinds) != 1 or not isinstance(update[kinds[0]], dict):
        raise ControlError(400, "bad_update", "an update is one object field besides update_id")
    payload = update[kinds[0]]
    sender, chat = payload.get("from"), payload.get("chat") or (payload.get("message") or {}).get("chat")
    if sender and "id" in sender:
        user = world.add_user(
            str(sender.get("first_name", "")),
            sender.get("username"),
            str(sender.get("language_code", "pt-br")),
            int(sender["id"]),
        )
        if chat and chat.get("id") == user.id:
            world.conversation(bot, user).started = True
    if kinds[0] == "callback_query" and "id" in payload:
        _register_callback(world, bot, payload)
    entry = world.emit(bot, kinds[0], payload, update.get("update_id"))
    return entry.update_id if entry else None


def inject_as_is(world: World, bot: Bot, update: dict[str, Any]) -> int:
    """Queue whatever it is as an update, of a kind unknown here too, unfiltered and without a look into it."""
    kind = next((key for key in update if key != "update_id"), "message")
    entry = bot.inbox.push(kind, "as is", update.get(kind), world.clock.now())
    world.on_update(bot, entry)
    return entry.update_id


def _register_callback(world: World, bot: Bot, payload: Json) -> None:
    query_id = world.new_callback(bot, world.find_user(int(payload["from"]["id"])))
    world.callbacks[str(payload["id"])] = world.callbacks.pop(query_id)


def _message(world: World, bot: Bot, sender: Json, chat: Json, text: str) -> Json:
    body: Json = {
        "message_id": bot.next_message_id(),
        "from": sender,
        "chat": chat,
        "date": int(world.clock.now()),
        "text": text,
    }
    entities = with_found(text, [])
    if entities:
        body["entities"] = entities
    return body


def _membership(world: World, bot: Bot, user: User, chat: Conversation, old: Json, new: Json) -> None:
    who = bot.as_user()
    world.emit(
        bot,
        "my_chat_member",
        {
            "chat": chat.chat,
            "from": user.as_user(),
            "date": int(world.clock.now()),
            "old_chat_member": {"user": who, **old},
            "new_chat_member": {"user": who, **new},
        },
    )


def _callback_data(body: Json) -> set[str]:
    rows = (body.get("reply_markup") or {}).get("inline_keyboard") or []
    return {button["callback_data"] for row in rows for button in row if "callback_data" in button}
