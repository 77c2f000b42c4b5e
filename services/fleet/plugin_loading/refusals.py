"""Versions that no process is to serve any more: one decision in Redis for all of them.

Whoever sees first that a version fails decides; the field of a version can be set once. A version is named by its bytes, so a
mended file is another one and is free, and the bad one put back later is still refused, until an administrator asks to
reload.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import select

from models import Bot, BotPlugin
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce

RELOAD: Final = 1  # the identity of a PLUGINS change that asks for all files to be tried again


@dataclass(frozen=True)
class Refusal:
    """The decision: `former` is the version to return to; the numbers are what it was made on. `at` in epoch seconds.

    `reason` and `line` instead of numbers: it could not be set up for a bot.
    """

    file: str
    hash: str
    plugin: str
    former: str
    failed: int
    handled: int
    at: float
    reason: str = ""
    line: int | None = None


def refuse(platform: Platform, refusal: Refusal) -> bool:
    """Decide for all processes, and tell them; False when it was decided before. Raises RedisError."""
    field = f"{refusal.file}:{refusal.hash}"
    if not platform.redis.hsetnx(keys.refused_plugins(), field, json.dumps(asdict(refusal))):
        return False
    announce(platform.redis, Topic.PLUGINS, 0)
    return True


def refusals(platform: Platform) -> dict[tuple[str, str], Refusal]:
    """All decisions in force by file and version. Raises RedisError."""
    stored = platform.redis.hgetall(keys.refused_plugins())
    found = [Refusal(**json.loads(text)) for text in stored.values()]
    return {(each.file, each.hash): each for each in found}


def lift(platform: Platform) -> None:
    """Let every version be tried again, in all processes. Raises RedisError."""
    platform.redis.delete(keys.refused_plugins())
    announce(platform.redis, Topic.PLUGINS, RELOAD)


def notify_owners(platform: Platform, refusal: Refusal) -> None:
    """Tell each owner of bots that use the plugin, once per version. Raises Unavailable."""
    kind = Kind.PLUGIN_REVERTED
    using = select(BotPlugin.id).where(
        BotPlugin.bot_id == Bot.id, BotPlugin.name == refusal.plugin, BotPlugin.enabled
    )
    params = {"plugin": refusal.plugin, "failed": refusal.failed, "handled": refusal.handled}
    with platform.database.transaction() as session:
        owners = session.scalars(select(Bot.account_id).where(using.exists()).distinct()).all()
        for account_id in owners:
            key = f"{kind}:{refusal.plugin}:{account_id}:{refusal.hash}:{int(refusal.at)}"
            notify(session, account_id, kind, kind.level, key, params, subject=refusal.plugin)
