"""How much of what a run does. The same plan and seed attack in the same order at the same offsets."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """The size of a run; times in seconds."""

    seed: int = 1
    updates: int = 20_000
    bots: int = 20
    polling_bots: int = 4
    at_most_once_bots: int = 4  # whose uncertain sends are parked instead of repeated
    chats: int = 20  # per bot
    kills: int = 100  # each of inbound worker, outbound worker and web
    valkey_kills: int = 20
    other_kills: int = 10  # each of clock and poller
    partitions: tuple[float, ...] = (5.0, 20.0, 60.0)
    stops: float = 30.0  # of a lease holder
    api_seconds: float = 60.0  # of 429 to 30 % of all calls
    locked_seconds: float = 10.0  # of a database that lets nobody write
    away_seconds: float = (
        10.0  # of a full Redis, of its line cut, lost or slow; with it all faults of the Bot API
    )
    poisons: int = 4
    host_seconds: float = 20.0  # that a second host is frozen, cut off, without power; 0: there is none
    storms: int = 2  # of kills of the inbound worker while the same updates are in hand
    storm_kills: int = 6
    failing: int = 4
    database: str = "sqlite"
    retry_factor: float = 0.25
    latency: float = 0.03  # of the Bot API, so that sends are in flight when their process dies
    wave_seconds: float = 2.5  # over which a wave's updates are sent in
    patience: float = 25.0  # for one wave to be answered, before the next comes all the same
    crash_points: bool = True  # all that there are
    releases: bool = True  # old and new code together


SHORT = Plan(
    updates=600,
    bots=6,
    polling_bots=1,
    at_most_once_bots=1,
    chats=5,
    kills=2,
    valkey_kills=1,
    other_kills=1,
    partitions=(3.0,),
    stops=7.0,
    api_seconds=0.0,
    locked_seconds=2.0,
    away_seconds=0.0,
    poisons=1,
    host_seconds=0.0,
    storms=0,
    failing=1,
    retry_factor=0.1,
    wave_seconds=1.0,
    patience=3.0,
    crash_points=False,
    releases=False,
)

# Nothing but what might condemn an innocent update: kills while the same ones are in hand, each time beside a guilty one.
HUNT = replace(
    SHORT,
    updates=1_000,
    kills=1,
    valkey_kills=0,
    other_kills=0,
    partitions=(),
    stops=0.0,
    locked_seconds=0.0,
    poisons=0,
    failing=0,
    storms=8,
    patience=45.0,
)
