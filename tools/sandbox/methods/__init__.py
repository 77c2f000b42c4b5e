"""The Bot API methods the sandbox knows, one module per group; ``METHODS`` maps lower-case names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.sandbox.methods import (
    contents,
    editing,
    files,
    identity,
    managed,
    media,
    members,
    payments,
    polling,
    sending,
    topics,
    webhook,
)
from tools.sandbox.model import Bot
from tools.sandbox.params import Params
from tools.sandbox.world import World

Method = Callable[[World, Bot, Params], Any]

METHODS: dict[str, Method] = {
    "getMe": identity.get_me,
    "setMyCommands": identity.set_my_commands,
    "getMyCommands": identity.get_my_commands,
    "deleteMyCommands": identity.delete_my_commands,
    "getWebhookInfo": webhook.get_webhook_info,
    "setWebhook": webhook.set_webhook,
    "deleteWebhook": webhook.delete_webhook,
    "getUpdates": polling.get_updates,
    "sendMessage": sending.send_message,
    "sendChatAction": sending.send_chat_action,
    "copyMessage": sending.copy_message,
    "forwardMessage": sending.forward_message,
    "answerCallbackQuery": sending.answer_callback_query,
    "editMessageText": editing.edit_message_text,
    "editMessageCaption": editing.edit_message_caption,
    "editMessageReplyMarkup": editing.edit_message_reply_markup,
    "deleteMessage": editing.delete_message,
    "getFile": files.get_file,
    "getManagedBotToken": managed.get_managed_bot_token,
    "replaceManagedBotToken": managed.replace_managed_bot_token,
    **media.METHODS,
    **contents.METHODS,
    **members.METHODS,
    **topics.METHODS,
    **payments.METHODS,
    **identity.PROFILE,
    **dict.fromkeys(identity.ACKNOWLEDGED, identity.acknowledge),
}
BY_LOWER_NAME: dict[str, tuple[str, Method]] = {name.lower(): (name, call) for name, call in METHODS.items()}
"""Telegram's method names are case-insensitive."""
