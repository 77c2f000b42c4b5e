"""A link with rules and experiments: from the visitor to the arm, the rows and the results."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from models import AuditEvent, Bot, Click, ExperimentVisitor, MemberStatus, PoolBot, RedirectPool
from services.core.times import utc_now
from services.fleet.experiments import experiments
from services.fleet.experiments.fields import ArmFields, ExperimentChange, NewExperiment, RuleFields
from services.fleet.experiments.rules import replace_rules
from services.fleet.pools.fields import PoolChange
from services.fleet.pools.pools import delete_pool, update_pool
from services.fleet.pools.rules import Conditions
from services.fleet.pools.snapshot import publish, repair
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis.changes import Topic
from services.reporting.analytics.experiment import experiment_results
from services.traffic.clicks.dry_run import dry_run
from services.traffic.clicks.explain import explain_click
from services.traffic.clicks.flush import flush
from services.traffic.clicks.redirect import Kind, Outcome, Redirector
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import ENVIRON, User, click, payload_of, record_start, unstarted

pytestmark = pytest.mark.data


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return new_account(platform)


@pytest.fixture
def pools(platform: Platform, owner: Principal) -> dict[str, RedirectPool]:
    """Three pools of one bot each; the last one's bots expect another start parameter."""
    return {
        "link": new_pool(platform, owner, "link", 1),
        "blue": new_pool(platform, owner, "blue", 1),
        "green": new_pool(platform, owner, "green", 1, start_param="verde"),
    }


@pytest.fixture
def road(platform: Platform, pools: dict[str, RedirectPool]) -> Redirector:
    assert len(pools) == 3
    return unstarted(platform)


def split(platform: Platform, owner: Principal, link: RedirectPool, *arms: tuple[RedirectPool, int]) -> int:
    """A running experiment at `link`; its id."""
    fields = tuple(ArmFields(pool_id=pool.id, percent=percent) for pool, percent in arms)
    wanted = NewExperiment(name="Split", pool_id=link.id, arms=fields, goal_tag="paid")
    return experiments.start_experiment(
        platform, owner, experiments.create_experiment(platform, owner, wanted).id
    ).id


def rule(target: RedirectPool, **conditions: Any) -> RuleFields:
    return RuleFields(conditions=Conditions(**conditions), target_pool_id=target.id)


def visit(road: Redirector, number: int, **environ: str) -> Outcome:
    """A click of the visitor with that number."""
    cookie = {
        "HTTP_COOKIE": f"flv=visitor{number:09d}",
        "REMOTE_ADDR": f"203.0.{number // 200}.{number % 200}",
    }
    return click(road, "link", **cookie, **environ)


def rows(platform: Platform) -> list[Click]:
    flush(platform)
    with platform.database.reading() as session:
        return list(session.scalars(select(Click).order_by(Click.at, Click.id)))


def test_an_experiment_splits_the_link_and_each_click_says_which_arm(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    number = split(platform, owner, pools["link"], (pools["link"], 50), (pools["green"], 50))
    road.book.on_change(Topic.POOL, pools["link"].id)
    first = {one: visit(road, one).location.partition("?start=")[0] for one in range(40)}
    again = {one: visit(road, one).location.partition("?start=")[0] for one in range(40)}
    assert first == again
    stored = rows(platform)
    arms = Counter(row.pool_id for row in stored)
    assert set(arms) == {pools["link"].id, pools["green"].id}
    assert min(arms.values()) >= 10  # of 80; fewer once in a million runs, and the dice are fixed
    assert {(row.link_pool_id, row.experiment_id, row.rule_id) for row in stored} == {
        (pools["link"].id, number, None)
    }
    results = experiment_results(platform, owner, number)
    found = {arm["pool_id"]: (arm["visitors"], arm["clicks"]) for arm in results["arms"]}
    assert found == {pool_id: (clicks // 2, clicks) for pool_id, clicks in arms.items()}
    assert results["control_pool_id"] == pools["link"].id
    assert "too_few" in results["warnings"]


def test_an_arm_s_visitors_get_its_own_start_parameter(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    split(platform, owner, pools["link"], (pools["blue"], 50), (pools["green"], 50))
    road.book.refresh()
    payloads = Counter(payload_of(visit(road, one)).partition("_")[0] for one in range(40))
    assert set(payloads) == {"acesso", "verde"}


def test_starts_and_goals_are_counted_once_per_visitor(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    number = split(platform, owner, pools["link"], (pools["blue"], 50), (pools["green"], 50))
    road.book.refresh()
    outcomes = [visit(road, 1), visit(road, 1), visit(road, 2)]
    stored = {row.id: row for row in rows(platform)}
    for update_id, outcome in enumerate(outcomes[:2]):
        with platform.database.transaction() as session:
            bot = session.get_one(Bot, stored[outcome.click_id].bot_id)
            at = utc_now() + timedelta(minutes=update_id)
            record_start(
                session, bot=bot, update_id=update_id, user=User(), payload=payload_of(outcome), at=at
            )
    shop = BotDatabase(platform.database, bot.id, "shop")
    for tag in ("ação", "paid"):
        shop.tag_lead(User().id, tag)
    visit(road, 3)
    flush(platform)
    arms = experiment_results(platform, owner, number)["arms"]
    assert sum(arm["visitors"] for arm in arms) == 3
    assert sum(arm["starts"]["count"] for arm in arms) == 1
    assert sum(arm["goals"]["count"] for arm in arms if arm["goals"]) == 1
    started = next(arm for arm in arms if arm["starts"]["count"])
    assert started["pool_id"] == stored[outcomes[0].click_id].pool_id


def test_crawlers_and_refused_clicks_are_no_visitors(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    split(platform, owner, pools["link"], (pools["blue"], 50), (pools["green"], 50))
    road.book.refresh()
    assert visit(road, 1, REQUEST_METHOD="HEAD").kind is Kind.BOT
    assert [row.counted for row in rows(platform)] == [False]
    with platform.database.reading() as session:
        assert session.scalars(select(ExperimentVisitor)).all() == []


def test_the_first_rule_that_is_met_sends_the_visitor_before_the_experiment_does(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    number = split(platform, owner, pools["link"], (pools["link"], 50), (pools["green"], 50))
    wanted = [
        rule(pools["green"], countries=["BR"]),  # the country is not known: abstains
        rule(pools["blue"], query={"utm_source": "fb"}),
        rule(pools["green"], devices=["phone"], query={"utm_source": "fb"}),
    ]
    written = replace_rules(platform, owner, pools["link"].id, wanted)
    road.book.refresh()
    visit(road, 1, QUERY_STRING="utm_source=fb", HTTP_CF_IPCOUNTRY="BR")
    visit(road, 1, QUERY_STRING="utm_source=other")
    by_rule, by_split = rows(platform)
    assert (by_rule.pool_id, by_rule.rule_id, by_rule.experiment_id) == (
        pools["blue"].id,
        written[1].id,
        None,
    )
    assert (by_split.rule_id, by_split.experiment_id) == (None, number)
    told = explain_click(platform, owner, by_rule.id)
    assert told["rule"] == {"id": written[1].id, "conditions": {"query": {"utm_source": "fb"}}}
    assert told["link_pool_id"] == pools["link"].id
    assert explain_click(platform, owner, by_split.id)["experiment"] == {"id": number, "name": "Split"}


def test_a_dry_run_tells_the_rule_the_arm_and_what_each_rule_said(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    number = split(platform, owner, pools["link"], (pools["blue"], 50), (pools["green"], 50))
    wanted = [rule(pools["green"], countries=["BR"]), rule(pools["green"], languages=["pt"])]
    written = replace_rules(platform, owner, pools["link"].id, wanted)
    road.book.refresh()
    told = dry_run(platform, road, owner, "link", {**ENVIRON, "HTTP_ACCEPT_LANGUAGE": "en"})
    assert [one["verdict"] for one in told["rules"]] == ["undecided", "not_met"]
    assert (told["rule_id"], told["experiment_id"]) == (None, number)
    assert told["served_by_pool_id"] == told["sent_to_pool_id"] != pools["link"].id
    told = dry_run(platform, road, owner, "link", {**ENVIRON, "HTTP_ACCEPT_LANGUAGE": "pt-BR"})
    assert (told["rule_id"], told["experiment_id"]) == (written[1].id, None)
    assert told["sent_to_pool_id"] == pools["green"].id


def test_a_pool_with_nobody_hands_on_to_its_own_fallback_and_else_back_to_the_link(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    replace_rules(platform, owner, pools["link"].id, [rule(pools["blue"], devices=["phone"])])
    with platform.database.transaction() as session:
        session.execute(
            update(PoolBot).where(PoolBot.pool_id == pools["blue"].id).values(status=MemberStatus.OFFLINE)
        )
    publish(platform, [pools["blue"].id])
    road.book.refresh()
    visit(road, 1)
    with platform.database.transaction() as session:
        session.execute(
            update(RedirectPool)
            .where(RedirectPool.id == pools["blue"].id)
            .values(fallback_pool_id=pools["green"].id)
        )
    publish(platform, [pools["blue"].id])
    road.book.refresh()
    visit(road, 2)
    back, handed_on = rows(platform)
    assert (back.pool_id, back.rule_id, back.bot_id) == (
        pools["link"].id,
        None,
        pools["link"].members[0].bot_id,
    )
    assert (handed_on.pool_id, handed_on.bot_id) == (pools["blue"].id, pools["green"].members[0].bot_id)
    assert handed_on.rule_id is not None


def test_a_paused_link_sends_nobody_on(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    replace_rules(platform, owner, pools["link"].id, [rule(pools["blue"], devices=["phone"])])
    update_pool(platform, owner, pools["link"].id, PoolChange(is_active=False))
    road.book.refresh()
    assert visit(road, 1).kind is Kind.UNAVAILABLE
    assert [(row.pool_id, row.rule_id) for row in rows(platform)] == [(pools["link"].id, None)]


def test_whoever_was_sent_on_once_is_not_sent_on_again(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    replace_rules(platform, owner, pools["link"].id, [rule(pools["blue"], devices=["phone"])])
    replace_rules(platform, owner, pools["blue"].id, [rule(pools["green"], devices=["phone"])])
    road.book.refresh()
    visit(road, 1)
    assert [row.pool_id for row in rows(platform)] == [pools["blue"].id]


def test_rules_keep_their_ids_when_they_are_moved_and_a_deleted_target_takes_its_rules_along(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    link = pools["link"].id
    one, two = replace_rules(
        platform,
        owner,
        link,
        [rule(pools["blue"], devices=["phone"]), rule(pools["green"], devices=["tablet"])],
    )
    moved = [
        RuleFields(id=row.id, conditions=Conditions(**row.conditions), target_pool_id=row.target_pool_id)
        for row in (two, one)
    ]
    assert [row.id for row in replace_rules(platform, owner, link, moved)] == [two.id, one.id]
    delete_pool(platform, owner, pools["blue"].id)
    road.book.on_change(Topic.POOL, link)
    known = road.book.by_id(link)
    assert known is not None
    assert known.routing is not None
    assert [held.id for held in known.routing.rules] == [two.id]
    assert repair(platform) == []


def test_a_pool_without_rules_and_experiments_is_published_as_before(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    number = split(platform, owner, pools["link"], (pools["link"], 50), (pools["green"], 50))
    road.book.refresh()
    assert [pool.id for pool in road.book.pools() if pool.routing] == [pools["link"].id]
    experiments.stop_experiment(platform, owner, number)
    road.book.refresh()
    assert [pool.id for pool in road.book.pools() if pool.routing] == []
    assert repair(platform) == []


def test_what_is_done_to_experiments_and_rules_is_in_the_audit_trail(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool]
) -> None:
    number = split(platform, owner, pools["link"], (pools["link"], 50), (pools["green"], 50))
    experiments.update_experiment(platform, owner, number, ExperimentChange(name="Other"))
    experiments.stop_experiment(platform, owner, number)
    replace_rules(platform, owner, pools["link"].id, [rule(pools["blue"], devices=["phone"])])
    experiments.delete_experiment(platform, owner, number)
    with platform.database.reading() as session:
        kinds = session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id)).all()
    assert kinds == [
        "experiment_created",
        "experiment_started",
        "experiment_updated",
        "experiment_stopped",
        "rules_changed",
        "experiment_deleted",
    ]
