"""What the Bot API (10.3) says is always there in an object, by hand from its documentation, and which objects lie inside."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
FILE = {"file_id": str, "file_unique_id": str}

# Fields without "Optional" in the documentation.
ALWAYS: dict[str, dict[str, Any]] = {
    "User": {"id": int, "is_bot": bool, "first_name": str},
    "BotUser": {
        "username": str,
        **dict.fromkeys(("can_join_groups", "can_read_all_group_messages", "supports_inline_queries"), bool),
        **dict.fromkeys(("can_connect_to_business", "has_main_web_app", "has_topics_enabled"), bool),
        **dict.fromkeys(
            ("allows_users_to_create_topics", "can_manage_bots", "supports_join_request_queries"), bool
        ),
    },
    "Chat": {"id": int, "type": str},
    "ChatFullInfo": {
        "id": int,
        "type": str,
        "accent_color_id": int,
        "max_reaction_count": int,
        "accepted_gift_types": "AcceptedGiftTypes",
    },
    "AcceptedGiftTypes": dict.fromkeys(
        ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"),
        bool,
    ),
    "ChatMember": {"status": str, "user": "User"},
    "ChatMemberBanned": {"status": str, "user": "User", "until_date": int},
    "Message": {"message_id": int, "date": int, "chat": "Chat"},
    "MessageId": {"message_id": int},
    "Invoice": {
        "title": str,
        "description": str,
        "start_parameter": str,
        "currency": str,
        "total_amount": int,
    },
    "PreCheckoutQuery": {
        "id": str,
        "from": "User",
        "currency": str,
        "total_amount": int,
        "invoice_payload": str,
    },
    "SuccessfulPayment": {
        **{"currency": str, "total_amount": int, "invoice_payload": str},
        **dict.fromkeys(("telegram_payment_charge_id", "provider_payment_charge_id"), str),
    },
    "RefundedPayment": {
        **{"currency": str, "total_amount": int, "invoice_payload": str},
        "telegram_payment_charge_id": str,
    },
    "MessageEntity": {"type": str, "offset": int, "length": int},
    "PhotoSize": {**FILE, "width": int, "height": int},
    "Sticker": {**FILE, "type": str, "width": int, "height": int, "is_animated": bool, "is_video": bool},
    "Video": {**FILE, "width": int, "height": int, "duration": int},
    "Animation": {**FILE, "width": int, "height": int, "duration": int},
    "VideoNote": {**FILE, "length": int, "duration": int},
    "Audio": {**FILE, "duration": int},
    "Voice": {**FILE, "duration": int},
    "Document": FILE,
    "File": FILE,
    "Location": {"latitude": float, "longitude": float},
    "Venue": {"location": "Location", "title": str, "address": str},
    "Contact": {"phone_number": str, "first_name": str},
    "Dice": {"emoji": str, "value": int},
    "BotName": {"name": str},
    "BotDescription": {"description": str},
    "BotShortDescription": {"short_description": str},
    "BotCommand": {"command": str, "description": str},
    "WebhookInfo": {"url": str, "has_custom_certificate": bool, "pending_update_count": int},
    "Update": {"update_id": int},
    "ManagedBotUpdated": {"user": "User", "bot": "User"},
    "CallbackQuery": {"id": str, "from": "User", "chat_instance": str},
    "ChatMemberUpdated": {
        "chat": "Chat",
        "from": "User",
        "date": int,
        "old_chat_member": "ChatMember",
        "new_chat_member": "ChatMember",
    },
}
# Objects that may be there as well.
SOMETIMES: dict[str, dict[str, Any]] = {
    "Message": {
        "from": "User",
        "entities": ["MessageEntity"],
        "caption_entities": ["MessageEntity"],
        "reply_to_message": "Message",
        "photo": ["PhotoSize"],
        "sticker": "Sticker",
        "video": "Video",
        "animation": "Animation",
        "video_note": "VideoNote",
        "audio": "Audio",
        "voice": "Voice",
        "document": "Document",
        "location": "Location",
        "venue": "Venue",
        "contact": "Contact",
        "dice": "Dice",
        "invoice": "Invoice",
        "successful_payment": "SuccessfulPayment",
        "refunded_payment": "RefundedPayment",
    },
    "Update": {
        "message": "Message",
        "pre_checkout_query": "PreCheckoutQuery",
        "callback_query": "CallbackQuery",
        "my_chat_member": "ChatMemberUpdated",
        "managed_bot": "ManagedBotUpdated",
    },
    "CallbackQuery": {"message": "Message"},
}


def misfits(value: Any, shape: Any, where: str = "") -> list[str]:
    """Where `value` is not of this shape: a type, the name of an object, or a list with either."""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where}: no list"]
        return [
            problem for at, each in enumerate(value) for problem in misfits(each, shape[0], f"{where}[{at}]")
        ]
    if not isinstance(shape, str):
        fits = type(value) in ((int, float) if shape is float else (shape,))
        return [] if fits else [f"{where}: {value!r} is no {shape.__name__}"]
    if not isinstance(value, dict):
        return [f"{where}: no {shape}"]
    missing = [f"{where}.{name}: missing" for name in ALWAYS[shape] if name not in value]
    inside = {**ALWAYS[shape], **SOMETIMES.get(shape, {})}
    return missing + [
        problem
        for name, wanted in inside.items()
        if name in value
        for problem in misfits(value[name], wanted, f"{where}.{name}")
    ]
