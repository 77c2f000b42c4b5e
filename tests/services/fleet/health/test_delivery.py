"""The delivery layer: what others found out about a bot's updates, and what becomes of its members."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from models import Bot, Conversion, RedirectPool
from services.fleet.bots.reconcile import reconcile_bot
from services.fleet.bots.webhook_inspection import facts_of
from services.fleet.health import conversion_signal
from services.fleet.health.breaker import DELIVERY_CAUSE
from services.fleet.health.conversion_signal import evaluate_conversion
from services.fleet.health.delivery import (
    Delivery,
    DeliveryCause,
    DeliveryState,
    Surroundings,
    deliveries,
    delivery_of,
)
from services.fleet.health.evaluation import apply_evaluation
from services.fleet.health.sweep import sweep
from services.platform.platform import Platform
from services.queueing.heartbeats import beat
from tests.services.fleet.health.world import Fleet, make_fleet, pool_in_tables
from tools.servers.sandbox import Sandbox

NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
AT = NOW.timestamp()
CALM = Surroundings()
GOOD = {"pending_update_count": 0}
STUCK = {"pending_update_count": 3, "last_error_message": "Connection refused", "last_error_date": int(AT)}


def bot(number: int = 1, **columns: Any) -> Bot:
    values = {"mode": "webhook", "desired_running": True, "status": "running", "webhook_info": {}}
    return Bot(id=number, **(values | columns))


def seen(info: dict[str, Any], stolen_by: str = "", ago: float = 0) -> dict[str, Any]:
    return facts_of(info, stolen_by, AT - ago)


@pytest.mark.parametrize(
    ("columns", "around", "state", "cause"),
    [
        ({"webhook_info": seen(GOOD)}, CALM, "ok", ""),
        ({"webhook_info": seen(STUCK)}, CALM, "failing", "webhook_failing"),
        ({"webhook_info": seen({**STUCK, "pending_update_count": 0})}, CALM, "ok", ""),
        ({"webhook_info": seen({**STUCK, "last_error_date": int(AT) - 1000})}, CALM, "ok", ""),
        ({"webhook_info": seen(GOOD, "evil.example")}, CALM, "failing", "webhook_stolen"),
        ({"webhook_info": seen(STUCK, ago=901)}, CALM, "unknown", ""),
        ({}, CALM, "unknown", ""),
        ({"status": "failed"}, CALM, "failing", "webhook_not_set"),
        ({"desired_running": False, "status": "failed"}, CALM, "off", ""),
        ({"webhook_info": seen(GOOD)}, Surroundings(lag_seconds=31), "failing", "worker_backlog"),
        ({"mode": "polling"}, CALM, "ok", ""),
        ({"mode": "polling", "status": "failed"}, CALM, "failing", "polling_failed"),
        ({"status": "failed", "status_cause": "unauthorized"}, CALM, "failing", "token_rejected"),
        ({"mode": "polling"}, Surroundings(poller_alive=False), "failing", "poller_silent"),
        ({"mode": "polling", "status": "created"}, CALM, "unknown", ""),
    ],
)
def test_what_is_known_of_a_bot_makes_its_delivery(
    columns: dict[str, Any], around: Surroundings, state: str, cause: str
) -> None:
    assert delivery_of(bot(**columns), around, AT) == Delivery(DeliveryState(state), cause)


def test_only_what_is_the_bots_own_is_held_against_it() -> None:
    failing = Delivery(DeliveryState.FAILING, DeliveryCause.STOLEN)
    assert failing.blames_bot
    for shared in (DeliveryCause.BACKLOG, DeliveryCause.POLLER_SILENT, DeliveryCause.EVERYWHERE):
        assert not replace(failing, cause=shared).blames_bot


def test_when_most_webhooks_fail_the_public_address_is_to_blame() -> None:
    bots = [bot(number, webhook_info=seen(STUCK if number < 3 else GOOD)) for number in (1, 2, 3)]
    found = deliveries(bots, CALM, NOW)
    assert [found[number].cause for number in (1, 2, 3)] == ["public_address", "public_address", ""]
    alone = deliveries(bots[1:], CALM, NOW)
    assert alone[2].blames_bot, "of two bots nothing can be said"


def test_the_guards_look_is_kept_for_the_layer(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 1)
    with platform.database.transaction() as session:
        session.execute(update(Bot).values(mode="polling"))
    before = time.time()
    reconcile_bot(platform, fleet.bot_ids[0])
    with platform.database.reading() as session:
        facts = session.get_one(Bot, fleet.bot_ids[0]).webhook_info
    assert facts["pending"] == 0
    assert before - 1 <= facts["at"] <= time.time() + 1


@pytest.mark.data
def test_a_bot_whose_webhook_fails_is_degraded_until_it_works_whatever_getme_says(
    platform: Platform, sandbox: Sandbox
) -> None:
    fleet = make_fleet(platform, sandbox, 3)
    look_with(fleet, GOOD, GOOD, GOOD)
    assert fleet.statuses() == ["online"] * 3
    look_with(fleet, STUCK, GOOD, GOOD)
    assert (fleet.statuses(), fleet.member(0).status_cause) == (
        ["degraded", "online", "online"],
        DELIVERY_CAUSE,
    )
    sweep(platform, clock=fleet.clock, pause=fleet.clock.pause)
    assert fleet.statuses()[0] == "degraded", "a good getMe does not clear it"
    look_with(fleet, GOOD, GOOD, GOOD)
    assert fleet.statuses() == ["online"] * 3
    name = fleet.names[0]
    assert [text.split("\n")[0] for text in fleet.told()] == [
        f"⚠️ Bot @{name} do pool 'P' não recebe mensagens (o Telegram não consegue entregar ao webhook) "
        "e saiu da rotação.",
        f"✅ Bot @{name} voltou ao normal no pool 'P'",
    ]


def test_a_poller_that_lives_is_seen(platform: Platform) -> None:
    fleet = pool_in_tables(platform, 1)
    with platform.database.transaction() as session:
        session.execute(update(Bot).values(mode="polling", status="running"))
    evaluate_conversion(platform, now=fleet.clock())
    assert delivery_state(fleet) == ("failing", "poller_silent")
    assert fleet.statuses() == ["online"], "no bot's fault"
    beat(platform, "poller@here:1")
    evaluate_conversion(platform, now=fleet.clock())
    assert delivery_state(fleet) == ("ok", "")


@pytest.mark.data
def test_a_bot_deleted_during_a_look_costs_the_others_nothing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = pool_in_tables(platform, 3)
    with platform.database.transaction() as session:
        session.execute(update(Bot).values(mode="polling", status="running"))
        session.execute(update(RedirectPool).values(tracking=False))  # each member's row is written too

    def after_a_deletion(*args: Any, **options: Any) -> None:
        with platform.database.transaction() as session:
            session.execute(delete(Bot).where(Bot.id == fleet.bot_ids[1]))
        apply_evaluation(*args, **options)

    monkeypatch.setattr(conversion_signal, "apply_evaluation", after_a_deletion)
    evaluate_conversion(platform, now=fleet.clock())
    assert delivery_state(fleet) == ("failing", "poller_silent")
    with platform.database.reading() as session:
        assert set(session.scalars(select(Conversion.judged_until))) == {fleet.clock()}


def delivery_state(fleet: Fleet) -> tuple[str, str]:
    with fleet.platform.database.reading() as session:
        row = session.get_one(Bot, fleet.bot_ids[0])
        return row.delivery_state, row.delivery_cause


def look_with(fleet: Fleet, *infos: dict[str, Any]) -> None:
    now = fleet.clock()
    with fleet.platform.database.transaction() as session:
        for bot_id, info in zip(fleet.bot_ids, infos, strict=True):
            fresh = {**info, "last_error_date": int(now.timestamp())} if info is STUCK else info
            facts = facts_of(fresh, "", now.timestamp())
            session.execute(update(Bot).where(Bot.id == bot_id).values(webhook_info=facts, status="running"))
    evaluate_conversion(fleet.platform, now=now)
