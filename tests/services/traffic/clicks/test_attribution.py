"""Click -> start -> lead, in any order, once, and harmless where it does not fit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from models import Bot, Click, Lead, RedirectPool, Start
from services.core.times import utc_now
from services.platform.platform import Platform
from services.traffic.clicks.attribution import NewStart, record_starts
from services.traffic.clicks.flush import flush
from services.traffic.clicks.leads import Contact, touch_leads
from services.traffic.clicks.redirect import Outcome, Redirector
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool
from tests.services.traffic.clicks.clicking import (
    User,
    click,
    payload_of,
    record_start,
    touch_lead,
    unstarted,
)

pytestmark = pytest.mark.data
NOW = utc_now()


@pytest.fixture
def pool(platform: Platform) -> RedirectPool:
    """A pool `red1` with one bot."""
    return new_pool(platform, new_account(platform), "red1", 1)


@pytest.fixture
def road(platform: Platform, pool: RedirectPool) -> Redirector:
    """The road of clicks, stepped by hand."""
    return unstarted(platform)


def start(
    platform: Platform,
    payload: str,
    update_id: int,
    *,
    user: User | None = None,
    bot_id: int = 0,
    minutes: int = 0,
) -> str:
    """A `/start` that arrives so many minutes from now, at the pool's bot unless another is named."""
    with platform.database.transaction() as session:
        query = select(Bot).where(Bot.id == bot_id) if bot_id else select(Bot).order_by(Bot.id)
        bot = session.scalars(query).first()
        assert bot is not None
        return record_start(
            session,
            bot=bot,
            update_id=update_id,
            user=user or User(),
            payload=payload,
            at=NOW + timedelta(minutes=minutes),
        )


def lead_of(platform: Platform, user_id: int = User.id) -> Lead:
    """The lead of a user."""
    with platform.database.reading() as session:
        return session.scalars(select(Lead).where(Lead.telegram_id == user_id)).one()


def click_row(platform: Platform, outcome: Outcome) -> Click:
    """The row of a click."""
    with platform.database.reading() as session:
        return session.scalars(select(Click).where(Click.id == outcome.click_id)).one()


@pytest.mark.parametrize("flushed_first", [True, False], ids=["click first", "start first"])
def test_click_and_start_are_bound_in_any_order(
    platform: Platform, road: Redirector, flushed_first: bool
) -> None:
    outcome = click(road)
    if flushed_first:
        flush(platform)
    assert start(platform, payload_of(outcome), 1) == "acesso"
    flush(platform)
    lead = lead_of(platform)
    assert click_row(platform, outcome).lead_id == lead.id
    assert click_row(platform, outcome).started_at == NOW
    assert lead.first_click_id == lead.last_click_id == outcome.click_id
    assert lead.telegram_id == 7_000_000_001


def test_the_first_touch_stays_and_the_last_one_follows(platform: Platform, road: Redirector) -> None:
    outcomes = [click(road) for _ in range(3)]
    start(platform, payload_of(outcomes[0]), 1)
    start(platform, payload_of(outcomes[2]), 3, minutes=9)
    flush(platform)
    start(platform, payload_of(outcomes[1]), 2, minutes=5)  # comes late: it is not the last touch
    lead = lead_of(platform)
    assert (lead.first_click_id, lead.last_click_id) == (outcomes[0].click_id, outcomes[2].click_id)
    assert lead.first_interaction == NOW
    assert lead.last_interaction == NOW + timedelta(minutes=9)


def test_who_came_without_a_click_keeps_that_as_first_touch(platform: Platform, road: Redirector) -> None:
    outcome = click(road)
    assert start(platform, "", 1) == ""
    flush(platform)
    start(platform, payload_of(outcome), 2, minutes=1)
    lead = lead_of(platform)
    assert (lead.first_click_id, lead.last_click_id) == (None, outcome.click_id)


def test_a_repeated_update_adds_nothing(platform: Platform, road: Redirector) -> None:
    outcome = click(road)
    flush(platform)
    for _ in range(3):
        assert start(platform, payload_of(outcome), 5) == "acesso"
    with platform.database.reading() as session:
        assert len(session.scalars(select(Start)).all()) == len(session.scalars(select(Lead)).all()) == 1


def test_a_reused_token_stays_with_its_first_lead(platform: Platform, road: Redirector) -> None:
    outcome = click(road)
    flush(platform)
    start(platform, payload_of(outcome), 1)
    start(platform, payload_of(outcome), 2, user=User(id=8), minutes=1)
    flush(platform)
    assert click_row(platform, outcome).lead_id == lead_of(platform).id
    assert lead_of(platform, 8).first_click_id is None


def test_a_token_at_a_foreign_bot_is_harmless(platform: Platform, road: Redirector) -> None:
    outcome = click(road)
    flush(platform)
    stranger = new_bot(platform, new_account(platform))
    assert start(platform, payload_of(outcome), 1, bot_id=stranger.id) == "acesso"
    flush(platform)
    assert click_row(platform, outcome).lead_id is None
    assert lead_of(platform).first_click_id is None


def test_a_start_and_a_click_written_at_the_same_moment_are_bound_by_the_next_run(
    platform: Platform, road: Redirector
) -> None:
    if platform.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time: neither can miss the other")
    outcome = click(road)
    with platform.database.transaction() as session:
        bot = session.scalars(select(Bot)).one()
        record_start(session, bot=bot, update_id=1, user=User(), payload=payload_of(outcome), at=NOW)
        flush(platform)  # sees no start yet, as the start saw no click
    assert click_row(platform, outcome).lead_id is None
    flush(platform)
    assert click_row(platform, outcome).lead_id == lead_of(platform).id
    assert lead_of(platform).first_click_id == outcome.click_id


@pytest.mark.parametrize(
    ("payload", "start_param"),
    [
        ("acesso", "acesso"),
        ("acesso_ABCDEFGHIJKL", "acesso"),  # an unknown token
        ("my_long_param", "my_long_param"),
        ("a_b_ABCDEFGHIJKL", "a_b"),
        ("acesso_ABCDEFGHIJK", "acesso_ABCDEFGHIJK"),  # eleven characters are no token
        ("acesso_ABCDEFGHI-KL", "acesso_ABCDEFGHI-KL"),
        ("", ""),
    ],
)
def test_payloads_are_split_at_the_last_underscore_if_a_token_follows(
    platform: Platform, road: Redirector, payload: str, start_param: str
) -> None:
    assert start(platform, payload, 1) == start_param
    flush(platform)
    assert lead_of(platform).last_click_id is None


def test_a_message_refreshes_names_and_brings_a_blocked_lead_back(
    platform: Platform, pool: RedirectPool
) -> None:
    with platform.database.transaction() as session:
        bot = session.scalars(select(Bot)).one()
        lead_id = touch_lead(session, bot=bot, user=User(), at=NOW)
        session.get_one(Lead, lead_id).state = "blocked"
        session.flush()
        later = User(first_name="Bia", username=None)
        assert touch_lead(session, bot=bot, user=later, at=NOW + timedelta(minutes=1)) == lead_id
    lead = lead_of(platform)
    assert (lead.first_name, lead.username, lead.state) == ("Bia", "", "active")
    assert (lead.first_interaction, lead.last_interaction) == (NOW, NOW + timedelta(minutes=1))


def test_many_people_who_come_at_once_cost_as_many_statements_as_two(
    platform: Platform, pool: RedirectPool, road: Redirector
) -> None:
    def come(first: int, number: int) -> int:
        """So many strangers by clicks that are rows already; how many statements that took."""
        payloads = [payload_of(click(road)) for _ in range(number)]
        flush(platform)
        said: list[str] = []
        note = lambda *args: said.append(args[2])  # noqa: E731 - to be taken off again
        event.listen(platform.database.engine, "before_cursor_execute", note)
        with platform.database.transaction() as session:
            bot = session.scalars(select(Bot)).one()
            contacts = [Contact(bot, User(id=first + each), NOW) for each in range(number)]
            leads = touch_leads(session, contacts)
            starts = [NewStart(each, first + n, payloads[n]) for n, each in enumerate(contacts)]
            assert record_starts(session, starts, leads) == ["acesso"] * number
        event.remove(platform.database.engine, "before_cursor_execute", note)
        return len(said)

    few, many = come(1000, 2), come(5000, 50)
    assert many <= few <= 11
    with platform.database.reading() as session:
        leads = session.scalars(select(Lead)).all()
        clicks = session.scalars(select(Click)).all()
    assert {(lead.first_click_id, lead.last_click_id) for lead in leads} == {(c.id, c.id) for c in clicks}
    assert {click.lead_id for click in clicks} == {lead.id for lead in leads}
