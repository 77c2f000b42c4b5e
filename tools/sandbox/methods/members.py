"""Chats and who is in them: getChat, getChatMember and what belongs to it."""

from __future__ import annotations

from tools.sandbox.errors import bad_request
from tools.sandbox.methods.chats import find_chat
from tools.sandbox.model import Bot, Conversation, Json
from tools.sandbox.params import Params
from tools.sandbox.world import World

GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
REACTIONS = 11
"""The most a message can have (Bot API: ChatFullInfo)."""
COLOURS = 7
"""Accent colours that need no subscription; an account has one by its number."""
RIGHTS = (
    "is_anonymous",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)
"""Bot API: what ChatMemberAdministrator always tells."""


def get_chat(world: World, bot: Bot, params: Params) -> Json:
    """A chat the bot knows, as Telegram's ``ChatFullInfo``."""
    chat = find_chat(world, bot, params).chat
    full = {
        **chat,
        "accent_color_id": abs(chat["id"]) % COLOURS,
        "max_reaction_count": REACTIONS,
        "accepted_gift_types": dict.fromkeys(GIFTS, chat["type"] == "private"),
    }
    if chat["type"] == "private" and "username" in chat:
        full["active_usernames"] = [chat["username"]]
    if chat["type"] != "private":
        full["permissions"] = {"can_send_messages": True, "can_invite_users": True}
    return full


def get_chat_member(world: World, bot: Bot, params: Params) -> Json:
    """How a person or the bot itself stands in a chat; administrators are those the group was made with.

    ApiError 400 for who was never seen there.
    """
    chat = find_chat(world, bot, params)
    user_id = params.integer("user_id")
    if user_id == bot.id:
        return _as_member(bot.as_user(), banned=chat.blocked)
    user = world.users.get(user_id)
    if user is None or not (_is_in(chat, user_id) or user_id in _admins(world, chat)):
        raise bad_request("PARTICIPANT_ID_INVALID" if user is None else "member not found")
    if user_id in _admins(world, chat):
        return _as_administrator(user.as_user())
    return _as_member(user.as_user(), banned=False)


def get_chat_member_count(world: World, bot: Bot, params: Params) -> int:
    """How many are in a chat: both sides of a private one; of a group those who were heard, and its bots."""
    chat = find_chat(world, bot, params)
    if chat.chat["type"] == "private":
        return 2
    return len(_heard(chat)) + len(world.groups[chat.chat["id"]].bots)


def get_chat_administrators(world: World, bot: Bot, params: Params) -> list[Json]:
    """Those whom the group was made with as such. ApiError 400 for a private chat."""
    chat = find_chat(world, bot, params)
    if chat.chat["type"] == "private":
        raise bad_request("there are no administrators in the private chat")
    return [_as_administrator(world.users[user_id].as_user()) for user_id in sorted(_admins(world, chat))]


def _as_member(user: Json, *, banned: bool) -> Json:
    """Telegram's ``ChatMember``."""
    return (
        {"status": "kicked", "user": user, "until_date": 0} if banned else {"status": "member", "user": user}
    )


def _as_administrator(user: Json) -> Json:
    """Telegram's ``ChatMemberAdministrator`` with every right."""
    return {"status": "administrator", "user": user, "can_be_edited": False, **dict.fromkeys(RIGHTS, True)}


def _admins(world: World, chat: Conversation) -> set[int]:
    group = world.groups.get(chat.chat["id"])
    return group.admins & world.users.keys() if group else set()


def _is_in(chat: Conversation, user_id: int) -> bool:
    return chat.chat["id"] == user_id or user_id in _heard(chat)


def _heard(chat: Conversation) -> set[int]:
    return {message.body["from"]["id"] for message in chat.messages.values() if not message.outgoing}


METHODS = {
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatMemberCount": get_chat_member_count,
    "getChatAdministrators": get_chat_administrators,
}
