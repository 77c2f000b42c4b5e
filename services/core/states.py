"""The values that columns of models.py may hold: kinds, states, policies. They are kept in rows: never rename one."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class BotMode(StrEnum):
    WEBHOOK = "webhook"
    POLLING = "polling"


class UncertainPolicy(StrEnum):
    """What becomes of a send whose outcome nobody knows: repeated once, or parked for the operator to decide."""

    AT_LEAST_ONCE = "at_least_once"
    AT_MOST_ONCE = "at_most_once"


class FsmStrategy(StrEnum):
    """Whose a conversation with a bot is; the same words as those of plugins."""

    USER_IN_CHAT = "USER_IN_CHAT"
    GLOBAL_USER = "GLOBAL_USER"
    CHAT = "CHAT"


class AccessList(StrEnum):
    """What an entry says of somebody: whom alone a bot answers, whom never, who may do what others may not."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    ADMIN = "admin"


class BotStatus(StrEnum):
    """What the bot is seen to do; `desired_running` is what its owner wants."""

    CREATED = "created"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"


class Strategy(StrEnum):
    ROUND_ROBIN = "round_robin"
    LEAST_CONNECTIONS = "least_connections"
    RANDOM = "random"
    WEIGHTED = "weighted"


class OverLimit(StrEnum):
    REJECT = "reject"
    REDIRECT = "redirect"


class MemberStatus(StrEnum):
    """H2. `checking` until the first good check; `banned` only leaves by the owner's leave."""

    CHECKING = "checking"
    ONLINE = "online"
    DEGRADED = "degraded"
    SUSPECT = "suspect"
    OFFLINE = "offline"
    BANNED = "banned"


class WaveStep(StrEnum):
    """What a ban wave's timeline keeps of a bot: it was lost, banned after that, is back; or stepped in as a spare."""

    LOST = "lost"
    BANNED = "banned"
    BACK = "back"
    PROMOTED = "promoted"


class Audience(StrEnum):
    """Who sent a click; only humans are counted."""

    HUMAN = "human"
    CRAWLER = "crawler"
    PREVIEW = "preview"
    PREFETCH = "prefetch"
    HEAD = "head"


class DeadLetterState(StrEnum):
    """Open until somebody replays or discards it; a replay that fails again opens it anew."""

    OPEN = "open"
    REPLAYING = "replaying"
    RESOLVED = "resolved"


class DestinationKind(StrEnum):
    TELEGRAM = "telegram"
    EMAIL = "email"
    WEBHOOK = "webhook"


class DeliveryStatus(StrEnum):
    """`pending` until it was sent, given up (`failed`), or not wanted any more (`skipped`)."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


class Device(StrEnum):
    PHONE = "phone"
    TABLET = "tablet"
    DESKTOP = "desktop"
    OTHER = "other"


class ChatRequestState(StrEnum):
    """`waiting` for a code or for the panel; then `approved`, until it was `done`."""

    WAITING = "waiting"
    APPROVED = "approved"
    DONE = "done"


class RunStatus(StrEnum):
    """How it is with a person in a flow. `paused`: people of the inbox speak with them; `stopped`: they blocked the bot."""

    WAITING = "waiting"
    PAUSED = "paused"
    ENDED = "ended"
    STOPPED = "stopped"


class GoalSource(StrEnum):
    """Who said that a goal was reached."""

    FLOW = "flow"
    PLUGIN = "plugin"
    API = "api"
    PAYMENT = "payment"
    WEBHOOK = "webhook"
    BROADCAST = "broadcast"


class PostbackDriver(StrEnum):
    """How a postback tells an ad network or a tracker what happened."""

    URL = "url"
    WEBHOOK = "webhook"
    META = "meta"
    TIKTOK = "tiktok"
    GOOGLE = "google"


class PostbackEvent(StrEnum):
    """What a postback may tell of."""

    CLICK = "click"
    START = "start"
    GOAL = "goal"


class CallResult(StrEnum):
    """What a payment provider's call came to: a goal, one that was known, nothing that the mapping asks for, or none."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    FAILED = "failed"


class BroadcastKind(StrEnum):
    """What a broadcast does: sends, or changes or deletes what its parent sent."""

    SEND = "send"
    EDIT = "edit"
    DELETE = "delete"


class BroadcastStatus(StrEnum):
    """Where a broadcast stands; `BROADCAST_MOVES` says from where to where it may go."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PREPARING = "preparing"  # the ledger is being written
    RUNNING = "running"
    PAUSED = "paused"
    BRAKED = "braked"  # paused by the brake
    DONE = "done"
    STOPPED = "stopped"


BROADCAST_MOVES: Final[dict[BroadcastStatus, frozenset[BroadcastStatus]]] = {
    BroadcastStatus.DRAFT: frozenset({BroadcastStatus.SCHEDULED, BroadcastStatus.PREPARING}),
    BroadcastStatus.SCHEDULED: frozenset(
        {BroadcastStatus.DRAFT, BroadcastStatus.PREPARING, BroadcastStatus.STOPPED}
    ),
    BroadcastStatus.PREPARING: frozenset(
        {BroadcastStatus.RUNNING, BroadcastStatus.DONE, BroadcastStatus.STOPPED}
    ),
    BroadcastStatus.RUNNING: frozenset(
        {BroadcastStatus.PAUSED, BroadcastStatus.BRAKED, BroadcastStatus.DONE, BroadcastStatus.STOPPED}
    ),
    BroadcastStatus.PAUSED: frozenset({BroadcastStatus.RUNNING, BroadcastStatus.STOPPED}),
    BroadcastStatus.BRAKED: frozenset({BroadcastStatus.RUNNING, BroadcastStatus.STOPPED}),
    BroadcastStatus.DONE: frozenset(),
    BroadcastStatus.STOPPED: frozenset(),
}


class ImportStatus(StrEnum):
    """How far an import has come; the last two are ends."""

    UPLOADING = "uploading"
    READING = "reading"
    WRITING = "writing"
    DONE = "done"
    FAILED = "failed"


class RecipientStatus(StrEnum):
    """What became of one person of a broadcast. `queued` has been claimed for an outbox; `uncertain`: nobody knows."""

    WAITING = "waiting"
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    UNCERTAIN = "uncertain"
