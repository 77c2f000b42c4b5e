"""People in pages, their timelines, segments, and changes of many; each tenant's own alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models import ChatMessage, Click, Flow, FlowVisit, Goal, Lead, PeopleChange, Start
from plugins.database import MAX_TAGS
from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.times import utc_now
from services.messaging.inbox.texts import sealed_text
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from services.reporting.people.listing import list_people
from services.reporting.people.timeline import timeline
from services.traffic.audience import changing, segments
from services.traffic.audience.changing import WantedChange, begin_change, get_change, go_on
from services.traffic.audience.conditions import Conditions
from services.traffic.audience.segments import SegmentChange, SegmentFields
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool


def furnish(platform: Platform, owner: Principal, count: int, **fields: Any) -> list[int]:
    """A bot of the owner's that knows so many people, 1 the newest; the leads' ids."""
    bot, now = new_bot(platform, owner), utc_now()
    with platform.database.transaction() as session:
        leads = [
            Lead(
                account_id=owner.account_id,
                bot_id=bot.id,
                telegram_id=number,
                first_interaction=now - timedelta(seconds=number // 2),  # two of one moment
                last_interaction=now - timedelta(seconds=100 - number),
                **fields,
            )
            for number in range(1, count + 1)
        ]
        session.add_all(leads)
        session.flush()
        return [lead.id for lead in leads]


@pytest.mark.data
def test_pages_follow_each_other_without_gap_or_repetition_in_either_order(platform: Platform) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    furnish(platform, owner, 7)
    furnish(platform, stranger, 2)

    def pages(order: Any) -> list[list[int]]:
        found, cursor = [], ""
        while True:
            page, following = list_people(platform, owner, Conditions(), order=order, cursor=cursor, limit=3)
            found.append([row["telegram_id"] for row in page])
            if following is None:
                return found
            cursor = following

    assert pages("newest") == [[1, 3, 2], [5, 4, 7], [6]]
    assert pages("active") == [[7, 6, 5], [4, 3, 2], [1]]
    with pytest.raises(InvalidInput):
        list_people(platform, owner, Conditions(), cursor="x")


def with_a_past(platform: Platform, owner: Principal) -> None:
    """Person 5, who clicked, started, reached a step and wrote, some of it in one moment."""
    pool, bot, now = new_pool(platform, owner, "camp"), new_bot(platform, owner), utc_now()
    with platform.database.transaction() as session:
        lead = Lead(account_id=owner.account_id, bot_id=bot.id, telegram_id=5)
        flow = Flow(account_id=owner.account_id, key="sales", name="Sales", draft={}, draft_by="x")
        session.add_all([lead, flow])
        session.flush()
        session.add_all(
            [
                Click(
                    id="c1",
                    at=now,
                    account_id=owner.account_id,
                    pool_id=pool.id,
                    lead_id=lead.id,
                    source="fb",
                ),
                Start(bot_id=bot.id, update_id=1, lead_id=lead.id, start_param="ad1", at=now),
                FlowVisit(
                    bot_id=bot.id, telegram_id=5, flow_id=flow.id, step="hello", first_at=now, last_at=now
                ),
                Goal(
                    account_id=owner.account_id,
                    bot_id=bot.id,
                    telegram_id=5,
                    goal="lead",
                    event_id="e1",
                    source="api",
                    at=now - timedelta(seconds=1),
                ),
                *(
                    ChatMessage(
                        bot_id=bot.id,
                        telegram_id=5,
                        direction="in",
                        kind="text",
                        sealed_text=sealed_text(platform.vault, bot.id, f"hi {number}"),
                        update_id=number,
                        at=now + timedelta(seconds=number // 2),
                    )
                    for number in range(3)
                ),
            ]
        )


@pytest.mark.data
def test_a_timeline_has_everything_once_in_order_whatever_the_pages(platform: Platform) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    with_a_past(platform, owner)

    def told(limit: int) -> list[tuple[str, Any]]:
        found, cursor = [], ""
        while True:
            page, following = timeline(platform, owner, 5, cursor=cursor, limit=limit)
            found += [(each["kind"], each["details"].get("text", "")) for each in page]
            if following is None:
                return found
            cursor = following

    whole = [
        ("message", "hi 2"),
        ("step", ""),
        ("start", ""),
        ("message", "hi 1"),
        ("message", "hi 0"),
        ("click", ""),
        ("goal", ""),
    ]
    assert told(50) == whole
    assert told(1) == told(2) == told(4) == whole
    with pytest.raises(NotFound):
        timeline(platform, stranger, 5)
    with pytest.raises(InvalidInput):  # else every entry would be read
        timeline(platform, owner, 5, cursor=f"{10**16}-{10**17}")


@pytest.mark.data
def test_a_segment_counts_its_people_and_is_its_owners_alone(platform: Platform) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    furnish(platform, owner, 3, tags=["paid"])
    wanted = SegmentFields(name="Paid", conditions=Conditions(tags_any=("paid",)))
    made = segments.create_segment(platform, owner, wanted)
    assert segments.counted_segment(platform, owner, made.id)["people"] == 3
    with pytest.raises(Conflict, match="already"):
        segments.create_segment(platform, owner, wanted)
    segments.create_segment(platform, stranger, wanted)
    for act in (segments.counted_segment, segments.delete_segment):
        with pytest.raises(NotFound):
            act(platform, stranger, made.id)
    segments.change_segment(
        platform, owner, made.id, SegmentChange(conditions=Conditions(tags_none=("paid",)))
    )
    assert segments.counted_segment(platform, owner, made.id)["people"] == 0
    segments.delete_segment(platform, owner, made.id)
    assert segments.list_segments(platform, owner) == []


@pytest.mark.data
def test_a_change_of_many_goes_on_after_a_death_and_leaves_later_people_alone(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    furnish(platform, owner, 5, tags=["old"])
    foreign = furnish(platform, stranger, 1)
    monkeypatch.setattr(changing, "STEP", 2)
    change = begin_change(platform, owner, WantedChange(action="tag", tag="vip"))
    later = furnish(platform, owner, 1)
    with platform.database.transaction() as session:  # a worker that dies after its first step
        assert changing._step(session, change.id) == (True, [])
    assert get_change(platform, owner, change.id).looked_at == 2
    changing.wake_if_changing(platform)
    assert platform.redis.exists(keys.wakeup("people", change.id))
    go_on(platform, change.id)
    go_on(platform, change.id)
    done = get_change(platform, owner, change.id)
    assert (done.total, done.looked_at, done.changed, done.refused) == (5, 5, 5, 0)
    assert done.ended_at is not None
    assert tags(platform, later + foreign) == [[], []]
    with pytest.raises(NotFound):
        get_change(platform, stranger, change.id)


@pytest.mark.data
def test_chosen_people_are_changed_alone_and_who_is_full_is_counted(platform: Platform) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    full = furnish(platform, owner, 1, tags=[str(number) for number in range(MAX_TAGS)])
    chosen, foreign = furnish(platform, owner, 2, tags=["vip"]), furnish(platform, stranger, 1, tags=["vip"])
    ids = (*full, chosen[0], *foreign)
    taken = begin_change(platform, owner, WantedChange(action="untag", tag="vip", lead_ids=ids))
    go_on(platform, taken.id)
    given = begin_change(platform, owner, WantedChange(action="tag", tag="new", lead_ids=ids))
    go_on(platform, given.id)
    assert tags(platform, chosen + foreign) == [["new"], ["vip"], ["vip"]]
    with platform.database.reading() as session:
        done = session.get_one(PeopleChange, given.id)
    assert (done.total, done.changed, done.refused) == (2, 1, 1)


def tags(platform: Platform, leads: list[int]) -> list[list[str]]:
    """The tags of these leads."""
    with platform.database.reading() as session:
        return [session.get_one(Lead, lead).tags for lead in leads]
