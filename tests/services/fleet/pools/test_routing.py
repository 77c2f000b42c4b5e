"""A link's routing on its way through the snapshot."""

from __future__ import annotations

import json
import logging

import pytest

from services.fleet.pools.assignment import Arm
from services.fleet.pools.model import PoolSnapshot, from_json, to_json
from services.fleet.pools.routing import Experiment, Routing
from services.fleet.pools.rules import Rule, read_conditions

ROUTING = Routing(
    rules=(
        Rule(read_conditions({"countries": ["PT", "BR"], "devices": ["phone"]}), 2, 11),
        Rule(read_conditions({"schedule": {"days": [6, 7], "begin": "22:00", "end": "06:00"}}), 3, 12),
    ),
    experiment=Experiment(5, (Arm(1, 50), Arm(2, 50))),
)


def test_a_routing_survives_the_snapshot() -> None:
    pool = PoolSnapshot(id=1, account_id=1, slugs=("red1",), routing=ROUTING)
    assert from_json(to_json(pool)) == pool


def test_a_pool_without_routing_is_read_by_releases_that_know_none() -> None:
    assert "routing" not in json.loads(to_json(PoolSnapshot(id=1, account_id=1, slugs=("red1",))))


def test_a_rule_that_a_release_cannot_read_does_not_take_the_link_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = to_json(PoolSnapshot(id=1, account_id=1, slugs=("red1",), routing=ROUTING))
    with caplog.at_level(logging.ERROR):
        pool = from_json(text.replace('"countries"', '"planets"'))
    assert pool.routing is not None
    assert [rule.id for rule in pool.routing.rules] == [12]
    assert "not readable" in caplog.text
