"""Who meets which conditions, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from models import Click, Flow, FlowVisit, Goal, Lead, PoolBot
from services.core.times import utc_now
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.traffic.audience.conditions import Conditions
from services.traffic.audience.selecting import count_people, select_people
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool

ODD_TAGS = ['say "paid"', "100%_", "ação", "back\\slash", "a,b", "[]"]


def people(platform: Platform, owner: Principal, **asked: Any) -> list[int]:
    """The Telegram ids of those found."""
    conditions = Conditions.model_validate(asked)
    with platform.database.reading() as session:
        found = sorted(
            row.telegram_id for row in session.execute(select_people(owner.account_id, conditions))
        )
        assert count_people(session, owner.account_id, conditions) == len(found)
    return found


@pytest.fixture
def owner(platform: Platform) -> Principal:
    """An account with two bots, the second in a pool, and people 1 to 5; a stranger's bot knows 9."""
    owner, stranger = new_account(platform), new_account(platform)
    pool = new_pool(platform, owner, f"pool{owner.account_id}")
    bot, other = new_bot(platform, owner), new_bot(platform, owner, identity=2)
    foreign = new_bot(platform, stranger)
    now = utc_now()

    def lead(number: int, bot_id: int, **fields: Any) -> Lead:
        fields.setdefault("account_id", owner.account_id)
        return Lead(bot_id=bot_id, telegram_id=number, first_name=f"Person {number}", **fields)

    with platform.database.transaction() as session:
        session.add(PoolBot(pool_id=pool.id, bot_id=other.id))
        flow = Flow(account_id=owner.account_id, key="sales", name="Sales", draft={}, draft_by="x")
        session.add(flow)
        session.flush()
        session.add_all(
            [
                lead(1, bot.id, tags=["paid", "vip"], language="pt-BR", first_click_id="c1"),
                lead(2, bot.id, tags=["paidlater"], language="pt", first_click_id="c2", username="ana_2"),
                lead(3, bot.id, tags=ODD_TAGS, language="en", state="blocked"),
                lead(4, other.id, tags=[], identity=2, last_interaction=now - timedelta(days=40)),
                lead(5, other.id, tags=["paid"], identity=1, first_interaction=now - timedelta(days=40)),
                lead(9, foreign.id, tags=["paid"], account_id=stranger.account_id),
            ]
        )
        for number, source, params in (
            (1, "facebook", {"utm_campaign": " black friday "}),
            (2, "", {"utm_id": "77"}),
        ):
            session.add(
                Click(id=f"c{number}", at=now, account_id=owner.account_id, pool_id=pool.id, source=source)
            )
            session.flush()
            session.get_one(Click, f"c{number}").params = params
        for number, step in ((1, "hello"), (1, "offer"), (2, "hello")):
            session.add(
                FlowVisit(
                    bot_id=bot.id, telegram_id=number, flow_id=flow.id, step=step, first_at=now, last_at=now
                )
            )
        for number, goal in ((1, "purchase"), (1, "lead"), (2, "lead")):
            reached = {"bot_id": bot.id, "telegram_id": number, "goal": goal, "source": "api"}
            session.add(Goal(account_id=owner.account_id, event_id=f"e{number}{goal}", **reached))
    platform_ids[owner.account_id] = (bot.id, other.id, pool.id, foreign.id)
    return owner


platform_ids: dict[int, tuple[int, int, int, int]] = {}


@pytest.mark.data
def test_each_condition_finds_its_people_and_those_of_nobody_else(
    platform: Platform, owner: Principal
) -> None:
    bot, other, pool, foreign = platform_ids[owner.account_id]
    now = utc_now()
    hello, offer = {"flow": "sales", "step": "hello"}, {"flow": "sales", "step": "offer"}
    expected: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [1, 2, 3, 4, 5]),
        ({"words": "person 3"}, [3]),
        ({"words": "@ANA_2"}, [2]),
        ({"words": "4"}, [4]),
        ({"bots": [other]}, [4, 5]),
        ({"bots": [foreign]}, []),
        ({"pools": [pool]}, [4, 5]),
        ({"tags_any": ["paid"]}, [1, 5]),
        ({"tags_any": ["vip", "paidlater"]}, [1, 2]),
        ({"tags_all": ["paid", "vip"]}, [1]),
        ({"tags_none": ["paid"]}, [2, 3, 4]),
        ({"languages": ["PT"]}, [1, 2]),
        ({"languages": ["pt-br", "en"]}, [1, 3]),
        ({"sources": ["Facebook"]}, [1]),
        ({"sources": [""]}, [2]),
        ({"campaigns": ["black friday"]}, [1]),
        ({"campaigns": ["77"], "sources": [""]}, [2]),
        ({"campaigns": ["77"], "sources": ["facebook"]}, []),
        ({"reached": [hello]}, [1, 2]),
        ({"reached": [hello, offer]}, [1]),
        ({"reached": [hello], "not_reached": [offer]}, [2]),
        ({"reached": [{"flow": "sales"}]}, [1, 2]),
        ({"reached": [{"flow": "other"}]}, []),
        ({"goals_any": ["purchase", "lead"]}, [1, 2]),
        ({"goals_any": ["purchase"]}, [1]),
        ({"goals_none": ["purchase"], "tags_any": ["paid"]}, [5]),
        ({"seen_before": now - timedelta(days=30)}, [5]),
        ({"seen_after": now - timedelta(days=30)}, [1, 2, 3, 4]),
        ({"inactive_days": 30}, [4]),
        ({"active_days": 30}, [1, 2, 3, 5]),
        ({"states": ["active"]}, [1, 2, 4]),
        ({"states": ["blocked", "unreachable"]}, [3, 5]),
    ]
    assert [people(platform, owner, **asked) for asked, _ in expected] == [found for _, found in expected]
    assert bot not in (other, foreign)


@pytest.mark.data
def test_a_tag_is_compared_as_a_value_whatever_signs_it_holds(platform: Platform, owner: Principal) -> None:
    assert [people(platform, owner, tags_any=[tag]) for tag in ODD_TAGS] == [[3]] * len(ODD_TAGS)
    assert people(platform, owner, tags_any=["paid_", "%", '"paid"', "a", "\\"]) == []


def test_what_nobody_can_ask_is_refused_and_what_is_kept_comes_back() -> None:
    for wrong in (
        {"tag": ["x"]},
        {"bots": ["1"]},
        {"seen_after": "2026-01-01T00:00:00"},
        {"states": ["odd"]},
    ):
        with pytest.raises(ValidationError):
            Conditions.model_validate(wrong)
    asked = Conditions.model_validate({"tags_any": [" paid "], "reached": [{"flow": "sales"}]})
    assert asked.stored() == {"tags_any": ["paid"], "reached": [{"flow": "sales"}]}
    assert Conditions.model_validate(asked.stored()) == asked
    assert Conditions().is_anybody
    assert not asked.is_anybody
