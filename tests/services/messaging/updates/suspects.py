"""Who holds a lane, and what stands in Redis of the updates that may have killed its holders."""

from __future__ import annotations

from typing import cast

from models import Bot
from services.messaging.updates.crash_tracker import ACCUSED, CrashTracker
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.lease_renewer import HeldLease
from services.queueing.lanes import lane_of
from tools.servers.fleet import accept_all, message, stream


class Holder:
    """A lease of lane 0, as its tracker sees it."""

    def __init__(self, token: str) -> None:
        self.lease, self.alive, self.overslept = self, True, False
        self.token = token


def tracker(platform: Platform, token: str, lane: int = 0) -> CrashTracker:
    """Of somebody who has taken the lane, in a process that never had it."""
    return CrashTracker(platform.redis, lane, cast(HeldLease, Holder(token)), {})


def fields(platform: Platform, lane: int = 0) -> dict[str, str]:
    """What stands of a lane's suspects, but for the token of who works."""
    found = platform.redis.hgetall(keys.update_suspects(lane))
    return {str(name): str(value) for name, value in found.items() if name != "held"}


def dies(platform: Platform, lane: int = 0) -> dict[str, int]:
    """The marks that whoever follows finds when the holder's process dies now."""
    follower = tracker(platform, "follower:1", lane)
    follower.begin()
    return follower.marks


def noted(platform: Platform, lane: int, entry: str) -> list[str]:
    """The marks that a death would bring an update now."""
    found = fields(platform, lane).items()
    return [value for name, value in found if name.endswith(f"/{entry}") and not name.startswith("suspects/")]


def accuse(platform: Platform, bot: Bot, *texts: str, marks: int = ACCUSED) -> list[str]:
    """Updates of one chat in their lane, of which the first is known to have been on record when two processes died."""
    accept_all(platform, bot, [message(n, 1, text) for n, text in enumerate(texts, start=1)])
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    entries = [entry for entry, _ in stream(platform, keys.update_lane(lane))]
    platform.redis.hset(keys.update_suspects(lane), mapping={"held": "the dead", entries[0]: marks})
    return entries
