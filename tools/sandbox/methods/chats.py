"""Which chat a call means and whether the bot may write there: Telegram's 400, 403 and 429."""

from __future__ import annotations

import math

from tools.sandbox.errors import bad_request, forbidden, too_many_requests
from tools.sandbox.limits import SendLimits
from tools.sandbox.model import Bot, Conversation, Group
from tools.sandbox.params import Params
from tools.sandbox.world import World


def find_chat(world: World, bot: Bot, params: Params, name: str = "chat_id") -> Conversation:
    """The chat named by a call, writable or not. ApiError 400."""
    raw = params.values.get(name)
    if raw is None or raw == "":
        raise bad_request(f"{name} is empty")
    chat_id = params.integer(name)
    chat = bot.conversations.get(chat_id)
    if chat is not None:
        return chat
    group = world.groups.get(chat_id)
    if group is not None:
        chat = bot.conversations[chat_id] = Conversation(group.as_chat(), started=True)
        return chat
    if chat_id in world.users:
        return world.conversation(bot, world.users[chat_id])
    raise bad_request("chat not found")


def writable_chat(world: World, bot: Bot, params: Params) -> Conversation:
    """The chat a message goes to, counted against the limits in strict mode. ApiError 400, 403, 429."""
    chat = find_chat(world, bot, params)
    chat_id: int = chat.chat["id"]
    if chat_id < 0:
        _check_group(world.groups[chat_id], bot)
    elif world.users[chat_id].deactivated:
        raise forbidden("user is deactivated")
    elif chat.blocked:
        raise forbidden("bot was blocked by the user")
    elif not chat.started:
        raise forbidden("bot can't initiate conversation with a user")
    if bot.strict:
        _check_limits(world, bot, chat_id)
    return chat


def _check_group(group: Group, bot: Bot) -> None:
    if group.migrated_to is not None:
        raise bad_request(
            "group chat was upgraded to a supergroup chat", migrate_to_chat_id=group.migrated_to
        )
    if bot.id not in group.bots:
        kind = "supergroup" if group.id < -(10**12) else "group"
        raise forbidden(f"bot was kicked from the {kind} chat")


def _check_limits(world: World, bot: Bot, chat_id: int) -> None:
    limits = world.limits.get(bot.id)
    if limits is None:
        limits = world.limits[bot.id] = SendLimits()
    wait = limits.wait(chat_id, world.clock.now())
    if wait > 0:
        raise too_many_requests(math.ceil(wait))
