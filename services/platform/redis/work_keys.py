"""The Redis keys of external workers' queues (ADR 42); all others are in `keys`.

The two streams bear the names that programs know them by; everything else of a queue goes with its bot's other keys.
"""

from __future__ import annotations

from services.platform.redis.keys import PREFIX


def incoming(public_id: str) -> str:
    """Stream of what a worker may take now. For ever: entries are deleted once settled, the stream with the worker."""
    return f"{public_id}_incoming"


def outgoing(public_id: str) -> str:
    """Stream in which a worker puts its calls when it speaks to Redis itself. There while calls wait in it."""
    return f"{public_id}_outgoing"


def streams(public_id: str) -> tuple[str, str]:
    """`incoming` and `outgoing`."""
    return incoming(public_id), outgoing(public_id)


def group(public_id: str) -> str:
    """The consumer group of `incoming`; not a key."""
    return f"{public_id}_workers"


def of_bot(bot_id: int) -> str:
    """Pattern of every key of a bot's queue but the two streams."""
    return f"{PREFIX}:bot:{bot_id}:work:*"


def heads(bot_id: int) -> str:
    """Hash chat -> entry of its update in `incoming`. Fields leave with the last update of their chat."""
    return f"{PREFIX}:bot:{bot_id}:work:heads"


def held(bot_id: int, chat: str) -> str:
    """List of a chat's updates behind its head, three elements each (request, start, update); gone when empty."""
    return f"{PREFIX}:bot:{bot_id}:work:held:{chat}"


def held_count(bot_id: int) -> str:
    """How many updates are held behind heads. For ever: one integer, deleted with the worker."""
    return f"{PREFIX}:bot:{bot_id}:work:held"


def is_full(bot_id: int) -> str:
    """Set while so much waits for the worker that the door takes nothing more for it; goes when there is room again."""
    return f"{PREFIX}:bot:{bot_id}:work:full"


def last_number(bot_id: int) -> str:
    """The last number given to an offered update, above all before. For ever: lost, it begins at the seconds since 1970."""
    return f"{PREFIX}:bot:{bot_id}:work:number"


def seen(bot_id: int) -> str:
    """When a worker of the bot last asked for work, epoch seconds; lives 30 days."""
    return f"{PREFIX}:bot:{bot_id}:work:seen"


def poller(bot_id: int) -> str:
    """Which getUpdates of a bot's program came last; lives a minute."""
    return f"{PREFIX}:bot:{bot_id}:work:poller"


def replaying(bot_id: int, letter_id: int, number: int) -> str:
    """Set while the Nth replay of a dead letter is with the worker; goes when it is settled, at the latest after a week."""
    return f"{PREFIX}:bot:{bot_id}:work:replay:{letter_id}.{number}"


def reply(bot_id: int, name: str) -> str:
    """Telegram's answer to a call whose program waits for it, tokens sealed; lives a minute."""
    return f"{PREFIX}:bot:{bot_id}:work:reply:{name}"


def refused(bot_id: int) -> str:
    """Hash of what was put into `outgoing` and could not be called: count, and text and time of the last; lives 30 days."""
    return f"{PREFIX}:bot:{bot_id}:work:refused"


def redis_way() -> str:
    """Whether programs are let into Redis: "" or what stands against it; set every few seconds, lives half a minute."""
    return f"{PREFIX}:work:redis"


def records(bot_id: int) -> str:
    """Hash lease -> where the update stands in its Kafka topic and how often it was tried, until the program has passed it."""
    return f"{PREFIX}:bot:{bot_id}:work:records"


def moved(bot_id: int) -> str:
    """Hash partition of the outgoing Kafka topic -> offset of the first record that is not in the outbox, and how many there are.
    Deleted with the worker.
    """
    return f"{PREFIX}:bot:{bot_id}:work:moved"


def kafka_trouble(bot_id: int) -> str:
    """What keeps the bot's updates from its Kafka topic, a word; lives a minute, set again while it lasts."""
    return f"{PREFIX}:bot:{bot_id}:work:trouble"


def topics() -> str:
    """Hash public id -> since when it has the worker whose Kafka topics are there. Fields leave with the topics."""
    return f"{PREFIX}:work:topics"


def webhook_trouble(bot_id: int) -> str:
    """What last went wrong with the webhook of a bot's program, {"at", "text"} as JSON; lives 30 days."""
    return f"{PREFIX}:bot:{bot_id}:work:webhook"


def trial(bot_id: int, request_id: str) -> str:
    """What a bot's program answered to a trial, tokens sealed; lives a minute."""
    return f"{PREFIX}:bot:{bot_id}:work:trial:{request_id}"


def wake() -> str:
    """Stream of bots whose worker was just offered something, capped at 1000: a hint, never the only trace."""
    return f"{PREFIX}:work:wake"


def programs() -> str:
    """Hash bot -> what its driver says of its copies (JSON). For ever: a field leaves with its worker, a new leader writes all anew."""
    return f"{PREFIX}:work:programs"


def exits(bot_id: int) -> str:
    """List of the last ends of a bot's copies, newest first, capped at 10; lives a week."""
    return f"{PREFIX}:bot:{bot_id}:work:exits"


def output(bot_id: int) -> str:
    """Stream of the last lines that a bot's copies wrote, secrets taken out, capped at 300; lives a week."""
    return f"{PREFIX}:bot:{bot_id}:work:output"


def history(bot_id: int) -> str:
    """Stream of how many copies a bot had and what waited for them, capped at 300; lives two hours."""
    return f"{PREFIX}:bot:{bot_id}:work:history"
