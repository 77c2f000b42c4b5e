"""What the world consists of: users, bots, messages, conversations, groups, files."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tools.sandbox.inbox import Inbox

Json = dict[str, Any]

TRANSCRIPT_LIMIT = 300
"""Messages kept per conversation; a page shows far fewer and memory stays bounded under load."""


class BotStatus(StrEnum):
    """How Telegram treats the bot's token."""

    ALIVE = "alive"
    REVOKED = "revoked"
    FROZEN = "frozen"


@dataclass(slots=True)
class User:
    """A person with a Telegram account."""

    id: int
    first_name: str
    username: str | None = None
    language_code: str = "pt-br"
    deactivated: bool = False

    def as_user(self) -> Json:
        """Telegram's ``User`` object."""
        user: Json = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        if self.username:
            user["username"] = self.username
        user["language_code"] = self.language_code
        return user

    def as_chat(self) -> Json:
        """Telegram's ``Chat`` object of the private chat with this person."""
        chat: Json = {"id": self.id, "first_name": self.first_name, "type": "private"}
        if self.username:
            chat["username"] = self.username
        return chat


@dataclass(slots=True)
class Webhook:
    """What setWebhook left behind, and how delivery has gone since."""

    url: str
    secret_token: str = ""
    max_connections: int = 40
    ip_address: str = ""
    last_error_date: int = 0
    last_error_message: str = ""
    gone_since: float = 0.0
    """When the first 410 of an unbroken run came; 23 h of them delete the webhook."""

    def same_as(self, other: Webhook) -> bool:
        """Whether a repeated setWebhook changes nothing."""
        return (self.url, self.secret_token, self.max_connections) == (
            other.url,
            other.secret_token,
            other.max_connections,
        )


@dataclass(frozen=True, slots=True)
class Invoice:
    """What an invoice asks for; the payload is the bot's own, and no person sees it."""

    payload: str
    currency: str
    amount: int


@dataclass(slots=True)
class Message:
    """One message of a conversation: Telegram's object plus our side notes."""

    body: Json
    outgoing: bool
    """True: sent by the bot."""
    seq: int
    """World-wide change counter; a page asks for everything above the last one it saw."""
    edited: bool = False
    deleted: bool = False
    keyboard: Json | None = None
    """A reply keyboard or its removal; Telegram shows it but does not hand it back."""
    invoice: Invoice | None = None


@dataclass(slots=True)
class Conversation:
    """A chat as one bot sees it: a private chat or a group."""

    chat: Json
    started: bool = False
    blocked: bool = False
    messages: dict[int, Message] = field(default_factory=dict)

    def keep(self, message: Message) -> None:
        """Append; the oldest message is forgotten above TRANSCRIPT_LIMIT."""
        self.messages[message.body["message_id"]] = message
        if len(self.messages) > TRANSCRIPT_LIMIT:
            del self.messages[next(iter(self.messages))]


@dataclass(slots=True)
class Topic:
    """A topic of a forum; its id is the number of the message that it begins with."""

    id: int
    name: str
    colour: int
    made_by: int
    icon: str = ""
    is_closed: bool = False

    def as_topic(self) -> Json:
        """Telegram's ``ForumTopic`` object."""
        icon = {"icon_custom_emoji_id": self.icon} if self.icon else {}
        return {"message_thread_id": self.id, "name": self.name, "icon_color": self.colour, **icon}


@dataclass(slots=True)
class Group:
    """A group chat: bots in it receive what people write there."""

    id: int
    title: str
    bots: set[int] = field(default_factory=set)
    admins: set[int] = field(default_factory=set)
    migrated_to: int | None = None
    is_forum: bool = False
    topic_managers: set[int] = field(default_factory=set)
    """Bots that are administrators with can_manage_topics."""
    topics: dict[int, Topic] = field(default_factory=dict)

    def as_chat(self) -> Json:
        """Telegram's ``Chat`` object; ids below -10**12 are supergroups."""
        kind = "supergroup" if self.id < -(10**12) else "group"
        forum = {"is_forum": True} if self.is_forum else {}
        return {"id": self.id, "title": self.title, "type": kind, **forum}


@dataclass(slots=True)
class StoredFile:
    """A file known to one bot; another bot's file_id is refused."""

    file_id: str
    bot_id: int
    kind: str
    name: str
    size: int
    data: bytes = b""
    url: str = ""


@dataclass(slots=True)
class Callback:
    """A pressed inline button waiting for answerCallbackQuery."""

    bot_id: int
    user_id: int
    created_at: float
    answer: Json | None = None


@dataclass(slots=True)
class Checkout:
    """A payment that waits for the bot's answerPreCheckoutQuery."""

    bot_id: int
    user_id: int
    invoice: Invoice
    created_at: float
    answer: Json | None = None


@dataclass(slots=True)
class Charge:
    """A payment that was done."""

    user_id: int
    invoice: Invoice
    is_refunded: bool = False


@dataclass
class Bot:
    """A Telegram bot identity with its token, webhook, updates and chats."""

    id: int
    username: str
    first_name: str
    token: str
    inbox: Inbox
    status: BotStatus = BotStatus.ALIVE
    strict: bool = False
    can_manage_bots: bool = False
    manager_id: int | None = None
    owner_id: int | None = None
    webhook: Webhook | None = None
    commands: dict[str, list[Json]] = field(default_factory=dict)
    profile: dict[tuple[str, str], str] = field(default_factory=dict)
    """Name and descriptions by (field, language code); "" is for every other language."""
    conversations: dict[int, Conversation] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    last_message_id: int = 0
    poll_number: int = 0
    """Which getUpdates call is the newest; older ones end with 409."""
    webhook_set_at: float = 0.0
    """When setWebhook last changed something; strict mode allows one change a second."""

    def as_user(self) -> Json:
        """Telegram's ``User`` object of this bot, as embedded in messages."""
        return {"id": self.id, "is_bot": True, "first_name": self.first_name, "username": self.username}

    def next_message_id(self) -> int:
        """Message ids are sequential per bot over all its private chats, as with Telegram."""
        self.last_message_id += 1
        return self.last_message_id
