"""Postbacks are written with their event, sent once where they were taken, repeated where not, and never missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update

from models import Bot, GoalSource, Postback, PostbackDelivery, PostbackDriver, PostbackEvent
from services.core.errors import NotFound
from services.core.times import utc_now
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.traffic.clicks.flush import flush
from services.traffic.clicks.redirect import Outcome, Redirector
from services.traffic.goals.recording import GoalReached, record_goals
from services.traffic.postbacks.claims import claim_due
from services.traffic.postbacks.fields import NewPostback, PostbackChange
from services.traffic.postbacks.registry import (
    change_postback,
    conversions_file,
    create_postback,
    get_postback,
    repeat_given_up,
)
from services.traffic.postbacks.sending import send_due
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import User, click, payload_of, record_start, unstarted
from tools.servers.receivers import Receiver, http_receiver

pytestmark = pytest.mark.data


@dataclass
class House:
    """An account with a pool and a place that takes postbacks; `now` is moved on by a test."""

    platform: Platform
    caller: Principal
    road: Redirector
    receiver: Receiver
    now: datetime

    def tell(self, template: str = "/p?e={event_id}&g={gclid}&v={value}", **fields: Any) -> Postback:
        """A new postback by URL."""
        config = {"url": f"{self.receiver.url}{template}", "method": "POST"}
        every = [PostbackEvent.CLICK, PostbackEvent.START, PostbackEvent.GOAL]
        new = NewPostback(
            driver=PostbackDriver.URL, name="Tracker", config=config, **{"events": every, **fields}
        )
        return create_postback(self.platform, self.caller, new)[0]

    def visit(self) -> Outcome:
        outcome = click(self.road, QUERY_STRING="utm_source=fb&gclid=Cj0K")
        flush(self.platform)
        return outcome

    def start(self, outcome: Outcome, update_id: int = 1) -> None:
        with self.platform.database.transaction() as session:
            bot = session.scalars(select(Bot).order_by(Bot.id)).all()[0]
            record_start(
                session, bot=bot, update_id=update_id, user=User(), payload=payload_of(outcome), at=utc_now()
            )

    def buy(self, event_id: str = "1", goal: str = "purchase") -> None:
        with self.platform.database.transaction() as session:
            bot = session.scalars(select(Bot).order_by(Bot.id)).all()[0]
            one = GoalReached(
                bot.account_id,
                goal,
                event_id,
                GoalSource.API,
                utc_now(),
                bot.id,
                User.id,
                None,
                9_900_000,
                "BRL",
            )
            record_goals(session, [one])

    def send(self, seconds: float = 1.0) -> int:
        self.now += timedelta(seconds=seconds)
        return send_due(self.platform, clock=lambda: self.now, chance=lambda: 0.5)

    def states(self) -> Counter[tuple[str, str]]:
        with self.platform.database.reading() as session:
            return Counter((row.event, row.status) for row in session.scalars(select(PostbackDelivery)))


@pytest.fixture
def house(platform: Platform) -> Iterator[House]:
    caller = new_account(platform)
    new_pool(platform, caller, "red1", 1)
    with http_receiver() as receiver:
        yield House(platform, caller, unstarted(platform), receiver, utc_now())


def test_click_start_and_goal_are_told_once_each(house: House) -> None:
    house.tell()
    outcome = house.visit()
    house.start(outcome)
    flush(house.platform)
    house.buy()
    house.buy()
    assert house.states() == {(kind, "pending"): 1 for kind in ("click", "start", "goal")}
    assert (house.send(30), house.send()) == (3, 0)
    asked = sorted(post.path for post in house.receiver.posts)
    assert [path.partition("?")[2] for path in asked] == [
        f"e=click%3A{outcome.click_id}&g=Cj0K&v=",
        "e=goal%3A1&g=Cj0K&v=9.90",
        f"e=start%3A{outcome.click_id}&g=Cj0K&v=",
    ]


def test_a_filter_lets_through_what_it_names(house: House) -> None:
    pool = new_pool(house.platform, house.caller, "other", 1)
    house.tell(events=[PostbackEvent.GOAL], goals=["lead"])
    house.tell(pool_ids=[pool.id])
    house.start(house.visit())
    flush(house.platform)
    house.buy()
    assert house.states() == {}
    house.buy("2", "lead")
    assert house.states() == {("goal", "pending"): 1}
    stranger = new_account(house.platform)
    with pytest.raises(NotFound):
        create_postback(
            house.platform,
            stranger,
            NewPostback(driver=PostbackDriver.GOOGLE, name="Mine", pool_ids=[pool.id]),
        )


def test_a_goal_that_waited_for_its_click_is_told_with_it_or_not_at_all(house: House) -> None:
    pool = new_pool(house.platform, house.caller, "other", 1)
    house.tell()
    house.tell(pool_ids=[pool.id])
    outcome = click(house.road, QUERY_STRING="gclid=Cj0K")
    house.start(outcome)
    house.buy()  # before the click is a row: two postbacks might want to know
    assert house.states() == {("goal", "pending"): 2}
    assert house.send(5) == 0
    flush(house.platform)
    house.send(20)
    assert house.states()[("goal", "sent")] == 1
    assert house.states()[("goal", "skipped")] == 1


def test_a_goal_of_somebody_who_came_back_waits_for_the_new_click(house: House) -> None:
    pool = new_pool(house.platform, house.caller, "other", 1)
    house.start(house.visit())
    flush(house.platform)
    house.tell(events=[PostbackEvent.GOAL])
    house.tell(events=[PostbackEvent.GOAL], pool_ids=[pool.id])
    newer = click(house.road, QUERY_STRING="gclid=Newer")
    house.start(newer, 2)
    house.buy()  # as the first thing after the start, before its click is a row
    assert house.send(5) == 0
    flush(house.platform)
    assert house.send(20) == 1
    assert "g=Newer" in house.receiver.posts[0].path
    assert house.states() == {("goal", "sent"): 1, ("goal", "skipped"): 1}
    house.buy("2")
    assert house.send(1) == 1


def test_a_refusal_is_final_a_fault_is_repeated_and_a_dead_worker_loses_nothing(house: House) -> None:
    made = house.tell(events=[PostbackEvent.GOAL])
    house.buy()
    house.receiver.answers[:] = [(503, {}), (200, {})]
    assert house.send(20) == 0
    row = get_postback(house.platform, house.caller, made.id)
    assert "503" in str(row.last_error)
    assert house.send(10) == 0  # not yet
    assert house.send(60) == 1
    house.buy("2")
    house.receiver.answers[:] = [(404, {})]
    assert house.send(20) == 0
    assert house.states() == {("goal", "sent"): 1, ("goal", "failed"): 1}
    assert repeat_given_up(house.platform, house.caller, made.id) == 1
    house.now = utc_now()
    assert house.send(20) == 1
    assert [post.path for post in house.receiver.posts[-2:]] == ["/p?e=goal%3A2&g=&v=9.90"] * 2
    assert house.states() == {("goal", "sent"): 2}
    with pytest.raises(NotFound):
        repeat_given_up(house.platform, new_account(house.platform), made.id)
    house.buy("3")
    house.now += timedelta(seconds=20)
    assert len(claim_due(house.platform, house.now)[0]) == 1  # and its worker dies
    assert (house.send(60), house.send(120)) == (0, 1)
    house.buy("4")
    change_postback(house.platform, house.caller, made.id, PostbackChange(is_enabled=False))
    house.send(20)
    assert house.states()[("goal", "skipped")] == 1


def test_clicks_cost_the_same_number_of_statements_however_many_they_are(house: House) -> None:
    house.tell()
    said: list[str] = []
    event.listen(
        house.platform.database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: said.append(statement) if "postback" in statement else None,
    )
    house.visit()
    few = len(said)
    for _ in range(20):
        click(house.road)
    said.clear()
    flush(house.platform)
    assert len(said) == few <= 3
    assert house.states()[("click", "pending")] == 21


def test_whoever_has_little_to_tell_does_not_wait_behind_a_flood(house: House) -> None:
    flood = house.tell(events=[PostbackEvent.CLICK])
    for _ in range(70):
        click(house.road)
    flush(house.platform)
    other = house.tell(events=[PostbackEvent.GOAL])
    house.buy()
    now = house.now + timedelta(seconds=30)
    claims, _ = claim_due(house.platform, now)
    assert [claim.postback.id for claim in claims[:3]] == [flood.id, other.id, flood.id]
    assert len(claims) == len({claim.delivery_id for claim in claims})
    second, _ = claim_due(house.platform, now)
    assert {claim.postback.id for claim in second} == {flood.id}


def test_googles_file_takes_the_same_number_of_statements_however_many_goals_it_has(house: House) -> None:
    new = NewPostback(driver=PostbackDriver.GOOGLE, name="Ads")
    made, _ = create_postback(house.platform, house.caller, new)
    for number in range(3):
        outcome = click(house.road, QUERY_STRING=f"gclid=Cj0K{number}")
        flush(house.platform)
        with house.platform.database.transaction() as session:
            bot = session.scalars(select(Bot).order_by(Bot.id)).all()[0]
            one = GoalReached(
                bot.account_id, "lead", str(number), GoalSource.API, utc_now(), click_id=outcome.click_id
            )
            record_goals(session, [one])
    said: list[str] = []
    engine = house.platform.database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: said.append(statement))
    file = conversions_file(house.platform, house.caller, made.id, None, None)
    assert [line.partition(",")[0] for line in file[1:]] == ["Cj0K0", "Cj0K1", "Cj0K2"]
    assert (
        len([statement for statement in said if "FROM goals" in statement or "FROM clicks" in statement]) == 1
    )


def test_an_address_inside_is_refused_for_good(house: House) -> None:
    made = house.tell(events=[PostbackEvent.GOAL])
    with house.platform.database.transaction() as session:
        session.execute(
            update(Postback)
            .where(Postback.id == made.id)
            .values(config={"url": "https://10.0.0.1/?{click_id}"})
        )
    house.buy()
    assert house.send(20) == 0
    assert house.states() == {("goal", "failed"): 1}
