"""What each series may grow by, and why. What is not named here must stay as it is, up to noise."""

from __future__ import annotations

from typing import Final

from tools.soak.growth import Allowance

STRICT: Final = Allowance(floor=2.0, share=0.02)
OF_GONE: Final = "series of bots that are gone; they go after a day"
# The first whose name the series begins with holds.
RULES: Final[tuple[tuple[str, Allowance], ...]] = (
    # What plays Telegram keeps all that was ever said to it; it is part of the test.
    *(
        (f"{kind}/telegram", Allowance(judged=False))
        for kind in ("memory", "resident", "descriptors", "threads")
    ),
    ("cpu/", Allowance(judged=False)),
    # PostgreSQL's memory is that of its sessions and of its buffers, which fill once.
    ("memory/postgresql", Allowance(judged=False)),
    ("resident/postgresql", Allowance(judged=False)),
    # A session keeps a thousand files open, and comes there slowly.
    ("descriptors/postgresql", Allowance(judged=False)),
    ("memory/", Allowance(floor=1.5, share=0.01)),
    ("resident/", Allowance(floor=1.5, share=0.01)),
    ("descriptors/", Allowance(floor=4, share=0.05)),
    ("threads/", Allowance(floor=1)),
    ("processes/postgresql", Allowance(floor=4)),
    ("processes/", Allowance()),
    ("redis/memory", Allowance(floor=1.0, share=0.05)),
    ("redis/data", Allowance(floor=0.5, share=0.05)),
    ("redis/file", Allowance(floor=1.0, share=1.0)),  # it doubles, then it is made anew
    ("redis/clients", Allowance(floor=4, share=0.05)),
    ("redis/keys", Allowance(floor=50, share=0.05)),
    ("held/rq:finished", Allowance(floor=1500, why="struck off by RQ every ten minutes")),
    ("held/outbox_wake", Allowance(update=1.0, why="hints; each of the streams is cut at a thousand")),
    (
        "rows/daily_visitors",
        Allowance(floor=10, click=1.05, why="a visitor of the day; they go by whole days"),
    ),
    (
        "rows/click_rollups",
        Allowance(floor=10, hour=1000, why="clicks of a bot in an hour, of replaced ones too"),
    ),
    ("keys/", Allowance(floor=10, share=0.1)),
    (
        "endless/outbox",
        Allowance(floor=60, why="a stream for each priority of a bot, from when it is first used"),
    ),
    ("endless/", Allowance(floor=1)),
    ("held/", Allowance(floor=20, share=0.1)),
    ("rows/", Allowance(floor=10, share=0.1)),
    ("database/size", Allowance(floor=2.0, share=0.05)),
    # Of bots that were replaced, each in some kinds of update and in one or two processes.
    ("metrics/all", Allowance(floor=20, share=0.01, hour=1500, why=OF_GONE)),
    ("series/telegram_messages_total", Allowance(floor=20, share=0.02, hour=1500, why=OF_GONE)),
    ("series/", Allowance(floor=5, share=0.02)),
    (
        "log/",
        Allowance(update=0.8, hour=1500.0, why="lines of updates and clicks; whoever keeps them rotates"),
    ),
    ("files/", Allowance(floor=0.5)),
)


def allowance_of(series: str) -> Allowance:
    """What the series may grow by."""
    return next((allowed for start, allowed in RULES if series.startswith(start)), STRICT)
