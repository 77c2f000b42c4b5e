"""The control API's second half: people, their chats, groups, raw updates."""

from __future__ import annotations

from base64 import b64decode

from flask import Blueprint, jsonify, request

from tools.sandbox import people
from tools.sandbox.control import Answer, body
from tools.sandbox.errors import ControlError
from tools.sandbox.methods.managed import create_managed_bot, give_to
from tools.sandbox.methods.payments import begin_payment
from tools.sandbox.model import Group, Json, Message, User
from tools.sandbox.params import Upload
from tools.sandbox.world import World

FIRST_GROUP_ID = -4_000_000_001
SUPERGROUP_SHIFT = 10**12
"""Supergroup ids are ``-100`` followed by the channel's number."""
MOST_USERS = 100_000
SHOWN_KINDS = (
    *("text", "photo", "video", "audio", "animation", "document", "voice", "sticker"),
    *("video_note", "venue", "location", "contact", "dice"),
    *("invoice", "successful_payment", "refunded_payment"),
)
"""What a message is shown as: the first of these that it has, for an animation is a document too, a venue a location."""


def show_message(message: Message) -> Json:
    """A message of a transcript; ``buttons`` are rows of ``{text, data, url}`` and ``pay`` where it pays an invoice."""
    whole = message.body
    rows = (whole.get("reply_markup") or {}).get("inline_keyboard") or []
    buttons = [
        [
            {
                "text": button["text"],
                "data": button.get("callback_data"),
                "url": button.get("url"),
                **({"pay": True} if button.get("pay") else {}),
            }
            for button in row
        ]
        for row in rows
    ]
    kind = next((name for name in SHOWN_KINDS if name in whole), "other")
    return {
        "seq": message.seq,
        "message_id": whole["message_id"],
        "date": whole["date"],
        "direction": "out" if message.outgoing else "in",
        "kind": kind,
        "text": whole.get("text") or whole.get("caption") or _money(whole),
        "entities": whole.get("entities") or whole.get("caption_entities") or [],
        "buttons": buttons,
        "keyboard": message.keyboard,
        "from": whole["from"],
        "edited": message.edited,
        "deleted": message.deleted,
    }


def add_chat_routes(control: Blueprint, world: World) -> None:
    """Hang users, chats, groups and updates into the control blueprint."""
    _user_routes(control, world)
    _chat_routes(control, world)
    _group_routes(control, world)

    @control.post("/updates/<bot_name>")
    def queue_updates(bot_name: str) -> Answer:
        bot, spec = world.find_bot(bot_name), body()
        updates = spec["updates"] if "updates" in spec else [spec.get("update", spec)]
        inject = people.inject_as_is if spec.get("as_is") else people.inject
        return jsonify(update_ids=[inject(world, bot, update) for update in updates]), 201

    @control.post("/bots/<manager>/managed")
    def managed(manager: str) -> Answer:
        spec = body()
        owner = world.find_user(int(spec.get("user_id", 0)))
        bot = create_managed_bot(
            world,
            world.find_bot(manager),
            owner,
            str(spec.get("username", "")),
            str(spec.get("first_name", "")),
        )
        return jsonify(id=bot.id, username=bot.username), 201

    @control.post("/bots/<name>/owner")
    def owner(name: str) -> Answer:
        give_to(world, world.find_bot(name), world.find_user(int(body().get("user_id", 0))))
        return jsonify(ok=True)


def _money(whole: Json) -> str:
    """What an invoice is for, and how much was paid."""
    if "invoice" in whole:
        return f"{whole['invoice']['title']}\n{whole['invoice']['description']}"
    paid = whole.get("successful_payment") or whole.get("refunded_payment")
    return f"⭐️ {paid['total_amount']}" if paid else ""


def _user_routes(control: Blueprint, world: World) -> None:
    @control.get("/users")
    def users() -> Answer:
        return jsonify(users=[user.as_user() for user in world.users.values()])

    @control.post("/users")
    def add_users() -> Answer:
        spec = body()
        count = int(spec.get("count", 1))
        if not 1 <= count <= MOST_USERS:
            raise ControlError(400, "bad_count", f"count is 1 to {MOST_USERS}")
        made = [_make_user(world, spec) for _ in range(count)]
        return jsonify(user=made[0].as_user(), users=[user.as_user() for user in made]), 201

    @control.post("/users/<int:user_id>/<act>")
    def change_user(user_id: int, act: str) -> Answer:
        user = world.find_user(user_id)
        if act not in ("deactivate", "activate"):
            raise ControlError(404, "no_such_act", "deactivate or activate")
        user.deactivated = act == "deactivate"
        return jsonify(user=user.as_user(), deactivated=user.deactivated)


def _make_user(world: World, spec: Json) -> User:
    user_id = int(spec["id"]) if spec.get("id") is not None else None
    return world.add_user(
        str(spec.get("first_name", "")),
        spec.get("username"),
        str(spec.get("language_code", "pt-br")),
        user_id,
    )


def _chat_routes(control: Blueprint, world: World) -> None:
    @control.get("/chats/<int:user_id>/<bot_name>")
    def transcript(user_id: int, bot_name: str) -> Answer:
        chat = world.conversation(world.find_bot(bot_name), world.find_user(user_id))
        after = request.args.get("after", 0, int)
        messages = [show_message(message) for message in chat.messages.values() if message.seq > after]
        return jsonify(
            messages=messages,
            started=chat.started,
            blocked=chat.blocked,
            seq=world.change_seq,
            status=world.find_bot(bot_name).status.value,
        )

    @control.get("/callbacks/<query_id>")
    def callback(query_id: str) -> Answer:
        found = world.callbacks.get(query_id)
        if found is None:
            raise ControlError(404, "no_such_callback", "there is no such callback query")
        return jsonify(answered=found.answer is not None, answer=found.answer)

    @control.get("/checkouts/<checkout_id>")
    def checkout(checkout_id: str) -> Answer:
        found = world.checkouts.get(checkout_id)
        if found is None:
            raise ControlError(404, "no_such_checkout", "there is no such payment")
        return jsonify(answered=found.answer is not None, answer=found.answer)

    @control.post("/chats/<int:user_id>/<bot_name>/<act>")
    def act_in_chat(user_id: int, bot_name: str, act: str) -> Answer:
        bot, user, spec = world.find_bot(bot_name), world.find_user(user_id), body()
        if act == "send":
            sent = people.send_text(world, bot, user, str(spec.get("text", "")))
            return jsonify(message_id=sent["message_id"]), 201
        if act == "file":
            upload = Upload(str(spec.get("name", "file")), b64decode(str(spec.get("content", ""))))
            return jsonify(message=people.send_file(world, bot, user, str(spec.get("kind", "")), upload)), 201
        if act == "start":
            sent = people.press_start(world, bot, user, str(spec.get("payload") or ""))
            return jsonify(message_id=sent["message_id"]), 201
        if act == "press":
            query_id = people.press_button(
                world, bot, user, int(spec.get("message_id", 0)), str(spec.get("data", ""))
            )
            return jsonify(callback_query_id=query_id), 201
        if act == "pay":
            return jsonify(checkout_id=begin_payment(world, bot, user, int(spec.get("message_id", 0)))), 201
        if act in ("block", "stop"):
            people.block(world, bot, user)
        elif act == "unblock":
            people.unblock(world, bot, user)
        else:
            raise ControlError(404, "no_such_act", "send, file, start, press, pay, block, stop or unblock")
        return jsonify(ok=True)


def _group_routes(control: Blueprint, world: World) -> None:
    def find(group_id: int) -> Group:
        if group_id not in world.groups:
            raise ControlError(404, "no_such_group", f"there is no group {group_id}")
        return world.groups[group_id]

    @control.post("/groups")
    def add_group() -> Answer:
        spec = body()
        is_forum = bool(spec.get("forum"))
        number = FIRST_GROUP_ID - len(world.groups) - (SUPERGROUP_SHIFT if is_forum else 0)
        group = Group(number, str(spec.get("title", "Grupo")), is_forum=is_forum)
        group.bots = {world.find_bot(str(name)).id for name in spec.get("bots", [])}
        managers = spec.get("topic_managers", spec.get("bots", []))
        group.topic_managers = {world.find_bot(str(name)).id for name in managers}
        group.admins = {int(user_id) for user_id in spec.get("admins", [])}
        world.groups[group.id] = group
        return jsonify(group=group.as_chat()), 201

    @control.post("/groups/<int(signed=True):group_id>/send")
    def send(group_id: int) -> Answer:
        spec = body()
        user = world.find_user(int(spec.get("user_id", 0)))
        topic = int(spec.get("topic", 0))
        reached = people.send_to_group(world, find(group_id), user, str(spec.get("text", "")), topic)
        return jsonify(bots=reached), 201

    @control.post("/groups/<int(signed=True):group_id>/topics/<int:topic>/<act>")
    def change_topic(group_id: int, topic: int, act: str) -> Answer:
        people.change_topic(world, find(group_id), topic, act)
        return jsonify(ok=True)

    @control.post("/groups/<int(signed=True):group_id>/migrate")
    def migrate(group_id: int) -> Answer:
        old = find(group_id)
        new = Group(-SUPERGROUP_SHIFT + old.id, old.title, set(old.bots), set(old.admins))
        world.groups[new.id] = new
        old.migrated_to = new.id
        return jsonify(group=new.as_chat()), 201
