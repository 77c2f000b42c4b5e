"""Where a link sends a visitor before any bot is chosen: to the pool of a rule, to an arm of an experiment. Pure.

One hop: the pool that a visitor is sent to chooses among its own bots and has its own fallback, but its own rules and
experiment are for those who come by its own link. So no configuration can send anybody round in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.fleet.pools.assignment import Arm, arm_of
from services.fleet.pools.rules import Rule, RuleFacts, matching, read_rule


@dataclass(frozen=True, slots=True)
class Experiment:
    """A running experiment."""

    id: int
    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    """What a link does with its visitors: the rules in order, then the experiment for those whom no rule met."""

    rules: tuple[Rule, ...] = ()
    experiment: Experiment | None = None


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """The pool a visitor is sent to, and by what; an id of 0 means that it was not this."""

    pool_id: int
    rule_id: int = 0
    experiment_id: int = 0


def decide(routing: Routing, facts: RuleFacts, visitor: str) -> RouteDecision | None:
    """Where `visitor` goes; None: no rule applies and no experiment runs, so to the link's own pool."""
    rule = matching(routing.rules, facts)
    if rule is not None:
        return RouteDecision(rule.pool_id, rule_id=rule.id)
    running = routing.experiment
    if running is None:
        return None
    return RouteDecision(arm_of(running.id, running.arms, visitor), experiment_id=running.id)


def as_json(routing: Routing) -> dict[str, Any]:
    """The routing as JSON, for the snapshot."""
    running = routing.experiment
    return {
        "rules": [[rule.id, rule.pool_id, rule.conditions.stored()] for rule in routing.rules],
        "experiment": running and [running.id, [[arm.pool_id, arm.percent] for arm in running.arms]],
    }


def from_json(stored: Mapping[str, Any]) -> Routing:
    """The routing that `as_json` wrote; ValueError, KeyError or TypeError when it did not."""
    running = stored["experiment"]
    rules = (read_rule(*rule) for rule in stored["rules"])
    return Routing(
        tuple(rule for rule in rules if rule is not None),
        Experiment(running[0], tuple(Arm(*arm) for arm in running[1])) if running else None,
    )
