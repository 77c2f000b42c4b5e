"""The behaviour that a pool owns: how it is kept, who has it, and both as programs see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from models import Bot, RedirectPool
from services.fleet.bots.choices import rows_of
from services.fleet.configuration.document import Behaviour, behaviour_of, choices_of
from services.fleet.configuration.writing import ValueChange, changes
from services.fleet.plugin_catalogue import present_config


class FollowerPlan(TypedDict):
    """A bot that is brought to the behaviour: whether it begins to follow by that, and how many values it has otherwise now."""

    bot_id: int
    username: str
    begins: bool
    differences: int


class BehaviourPlan(TypedDict):
    """What is set: `changes` of the pool's behaviour, and the bots that are written. `plan` is the digest of all that, by
    which it is done; `applied`: it was."""

    changes: list[ValueChange]
    bots: list[FollowerPlan]
    plan: str
    applied: bool


class MemberBehaviour(TypedDict):
    """How a member stands to the pool's behaviour. `differs`: it does not have it by following; `differences`: how many
    values it has otherwise now, null where the pool owns none. `declared_in` names the file that keeps it from following."""

    bot_id: int
    username: str
    follows: bool
    differs: bool
    differences: int | None
    follows_pool_id: int | None
    declared_in: str


class PoolBehaviourView(TypedDict):
    """The behaviour that a pool owns, as a bot's YAML file says it; null and version 0 without one."""

    version: int
    behaviour: dict[str, Any] | None
    members: list[MemberBehaviour]


def has_it(pool: RedirectPool, bot: Bot) -> bool:
    """Whether `bot` follows the present behaviour of `pool`."""
    return (bot.follows_pool_id, bot.follows_version) == (pool.id, pool.behaviour_version)


def owned_behaviour(pool: RedirectPool) -> Behaviour | None:
    """What the pool owns, as the plugins' present versions want it; None where it owns none."""
    return None if pool.behaviour is None else Behaviour.model_validate(_present(pool.behaviour))


def stored_form(behaviour: Behaviour) -> dict[str, Any]:
    """The document, and of which version each plugin's configuration is."""
    document = behaviour.model_dump(mode="json")
    for plugin, row in zip(document["plugins"], rows_of(choices_of(behaviour)), strict=True):
        plugin |= {"config": row.config, "config_version": row.config_version}
    return document


def describe_follower(pool: RedirectPool, own: Behaviour | None, bot: Bot) -> MemberBehaviour:
    """The JSON of how a member, whose plugins are loaded, stands to what the pool owns."""
    return {
        "bot_id": bot.id,
        "username": bot.username,
        "follows": own is not None and bot.follows_pool_id == pool.id,
        "differs": own is not None and not has_it(pool, bot),
        "differences": None if own is None else len(changes(behaviour_of(bot), own)),
        "follows_pool_id": bot.follows_pool_id,
        "declared_in": bot.declared_in,
    }


def _present(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its plugins' configurations as their present versions want them."""
    plugins = [
        {
            "name": each["name"],
            "enabled": each["enabled"],
            "config": present_config(each["name"], each["config"], each["config_version"]),
        }
        for each in stored["plugins"]
    ]
    return {**stored, "plugins": plugins}
