"""Publishing flows with people in them, on both databases: nobody is left at a step that is gone, and nobody overwrites."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from models import AuditEvent, Bot, BotPlugin, Flow, FlowRun, FlowVersion, RunStatus
from services.core.errors import Conflict, FlotillaError, InvalidInput, NotFound
from services.core.times import utc_now
from services.fleet.flows.documents import published
from services.fleet.flows.drafts import save_draft
from services.fleet.flows.fields import NewFlow, Publication, Restoration
from services.fleet.flows.flows import create_flow, get_flow
from services.fleet.flows.impact import draft_impact, version_impact
from services.fleet.flows.publishing import publish, roll_back
from services.fleet.flows.versions import get_version, list_versions
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.fleet.pools.fleet import new_account, new_bot

pytestmark = pytest.mark.data


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return new_account(platform)


def of_steps(*names: str) -> dict[str, Any]:
    """A flow in which each step leads to the next by any text."""
    steps = [
        {"key": name, "title": name.upper(), "messages": [{"text": name}], "replies": [{"step": following}]}
        for name, following in pairwise(names)
    ]
    last = {"key": names[-1], "messages": [{"text": names[-1]}], "then": {"kind": "end"}}
    return {"start": names[0], "steps": [*steps, last]}


@pytest.fixture
def flow(platform: Platform, owner: Principal) -> Flow:
    """A flow whose first version has the steps a, b, c and d, and whose draft has lost b and c."""
    made = create_flow(platform, owner, NewFlow(name="Sales", document=of_steps("a", "b", "c", "d")))
    publish(platform, owner, made.id, Publication(revision=1, version=None))
    return save_draft(platform, owner, made.id, of_steps("a", "d"), 1)


@pytest.fixture
def bot(platform: Platform, owner: Principal, flow: Flow) -> Bot:
    """A bot that plays it, with three people at b, one at c who is over, and one at d."""
    found = new_bot(platform, owner)
    places = [
        ("b", "waiting"),
        ("b", "paused"),
        ("b", "stopped"),
        ("c", "ended"),
        ("d", "waiting"),
    ]
    with platform.database.transaction() as session:
        session.add(BotPlugin(bot_id=found.id, position=0, name="flow", config={"flow": flow.key}))
        for number, (step, status) in enumerate(places, start=1):
            session.add(run(found, flow, number, step, status))
    return found


def run(bot: Bot, flow: Flow, number: int, step: str, status: str) -> FlowRun:
    now = utc_now()
    place = {"telegram_id": number, "version": 1, "step": step, "status": status}
    return FlowRun(bot_id=bot.id, flow_id=flow.id, entered_at=now, started_at=now, **place)


def places(platform: Platform) -> dict[int, tuple[str, str]]:
    with platform.database.reading() as session:
        rows = session.scalars(select(FlowRun).order_by(FlowRun.telegram_id))
        return {row.telegram_id: (row.step, row.status) for row in rows}


def test_who_stands_at_a_step_that_goes_is_told_before_and_moved_with_the_new_version(
    platform: Platform, owner: Principal, flow: Flow, bot: Bot
) -> None:
    shown = draft_impact(platform, owner, flow.id)
    assert (shown["revision"], shown["version"], shown["findings"]) == (2, 1, [])
    assert shown["bots"] == [{"bot_id": bot.id, "username": bot.username}]
    assert shown["removed"] == [
        {"step": "b", "title": "B", "people": 3},
        {"step": "c", "title": "C", "people": 0},
    ]
    before = places(platform)
    for moves, code in [
        ({"b": "d"}, "moves_missing"),
        ({"b": "b", "c": None}, "move_unknown"),
        ({"b": "d", "c": None, "a": "d"}, "move_unknown"),
    ]:
        with pytest.raises(InvalidInput) as refused:
            publish(platform, owner, flow.id, Publication(revision=2, version=1, moves=moves))
        assert refused.value.code == code
    assert places(platform) == before
    made = publish(platform, owner, flow.id, Publication(revision=2, version=1, moves={"b": "d", "c": None}))
    assert (made.number, made.moves) == (2, {"b": "d", "c": None})
    assert places(platform) == {
        1: ("d", RunStatus.WAITING),
        2: ("d", RunStatus.PAUSED),
        3: ("d", RunStatus.STOPPED),
        4: ("c", RunStatus.ENDED),
        5: ("d", RunStatus.WAITING),
    }
    with platform.database.reading() as session:
        found = published(session, owner.account_id, flow.key)
        assert found is not None
        assert [step.key for step in found.document.steps] == ["a", "d"]
        assert session.get_one(Bot, bot.id).config_version == bot.config_version + 1
        entry = session.scalars(select(AuditEvent).where(AuditEvent.kind == "flow_published")).all()[-1]
    assert entry.details["moves"] == {"b": "d", "c": None}
    assert {"object": "flow", "name": "sales", "field": "published", "before": 1, "after": 2} in entry.changes


def test_the_change_is_announced_after_the_commit(
    platform: Platform, owner: Principal, flow: Flow, bot: Bot
) -> None:
    with platform.redis.pubsub() as listener:  # type: ignore[no-untyped-call]
        listener.subscribe(keys.changes_channel())
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        publish(platform, owner, flow.id, Publication(revision=2, version=1, moves={"b": None, "c": None}))
        heard = listener.get_message(timeout=5)["data"]
    assert str(heard).partition(f"bot:{bot.id}:")[1]


def test_who_stands_at_a_step_that_no_version_has_any_more_is_found(
    platform: Platform, owner: Principal, flow: Flow, bot: Bot
) -> None:
    with platform.database.transaction() as session:
        session.add(run(bot, flow, 9, "lost", RunStatus.WAITING))
    assert draft_impact(platform, owner, flow.id)["removed"][-1] == {"step": "lost", "title": "", "people": 1}
    moves = {"b": None, "c": None, "lost": "a"}
    publish(platform, owner, flow.id, Publication(revision=2, version=1, moves=moves))
    assert places(platform)[9] == ("a", RunStatus.WAITING)


def test_of_two_who_publish_at_once_one_wins_and_the_other_is_told(
    platform: Platform, owner: Principal, flow: Flow
) -> None:
    outcomes: list[Any] = []
    wanted = Publication(revision=2, version=1, moves={"b": None, "c": None})

    def attempt() -> None:
        try:
            outcomes.append(publish(platform, owner, flow.id, wanted).number)
        except FlotillaError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=attempt) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [2, "flow_published", "flow_published"]


def test_a_draft_with_errors_or_another_than_was_shown_is_not_published(
    platform: Platform, owner: Principal, flow: Flow
) -> None:
    save_draft(platform, owner, flow.id, of_steps("a", "d") | {"start": "away"}, 2)
    with pytest.raises(Conflict) as stale:
        publish(platform, owner, flow.id, Publication(revision=2, version=1))
    assert stale.value.code == "draft_changed"
    with pytest.raises(InvalidInput) as wrong:
        publish(platform, owner, flow.id, Publication(revision=3, version=1))
    assert (wrong.value.code, wrong.value.field) == ("flow_has_errors", "document.start")
    assert get_flow(platform, owner, flow.id).published == 1
    fresh = create_flow(platform, owner, NewFlow(name="Fresh"))
    with pytest.raises(InvalidInput) as unknown:
        publish(platform, owner, fresh.id, Publication(revision=1, version=7))
    assert unknown.value.code == "version_unknown"


def test_one_step_back_publishes_the_old_document_anew_and_moves_people_again(
    platform: Platform, owner: Principal, flow: Flow, bot: Bot
) -> None:
    save_draft(platform, owner, flow.id, of_steps("a", "d", "new"), 2)
    publish(platform, owner, flow.id, Publication(revision=3, version=1, moves={"b": "new", "c": None}))
    shown = version_impact(platform, owner, flow.id, 1)
    assert shown["removed"] == [{"step": "new", "title": "", "people": 3}]
    back = roll_back(platform, owner, flow.id, 1, Restoration(version=2, moves={"new": "b"}))
    assert (back.number, back.restores, back.document) == (3, 1, of_steps("a", "b", "c", "d"))
    assert places(platform)[1] == ("b", RunStatus.WAITING)
    assert bot.id
    listed = list_versions(platform, owner, flow.id)
    assert [(each["number"], each["is_in_force"], each["restores"]) for each in listed] == [
        (3, True, 1),
        (2, False, None),
        (1, False, None),
    ]
    assert [each["number"] for each in list_versions(platform, owner, flow.id, before=3, limit=1)] == [2]
    assert get_version(platform, owner, flow.id, 2)["document"] == of_steps("a", "d", "new")
    assert get_flow(platform, owner, flow.id).draft == of_steps("a", "d", "new")  # the draft stays
    with pytest.raises(NotFound) as refused:
        roll_back(platform, owner, flow.id, 9, Restoration(version=3))
    assert refused.value.code == "version_not_found"


def test_an_admin_who_looks_at_versions_leaves_an_entry(platform: Platform, flow: Flow) -> None:
    admin = replace(new_account(platform), is_admin=True)
    assert [each["number"] for each in list_versions(platform, admin, flow.id)] == [1]
    with platform.database.reading() as session:
        kinds = session.scalars(select(AuditEvent.kind).where(AuditEvent.actor == admin.actor)).all()
    assert kinds == ["admin_access"]


def test_versions_of_somebody_else_are_not_there(platform: Platform, owner: Principal, flow: Flow) -> None:
    stranger = new_account(platform)
    for use in (
        lambda: draft_impact(platform, stranger, flow.id),
        lambda: list_versions(platform, stranger, flow.id),
        lambda: get_version(platform, stranger, flow.id, 1),
        lambda: publish(platform, stranger, flow.id, Publication(revision=2, version=1)),
        lambda: roll_back(platform, stranger, flow.id, 1, Restoration(version=1)),
    ):
        with pytest.raises(NotFound):
            use()
    with platform.database.reading() as session:
        assert len(session.scalars(select(FlowVersion)).all()) == 1
    assert owner.account_id != stranger.account_id
