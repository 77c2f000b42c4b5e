"""Many people blocked and unblocked at once, at each bot that knows them; as far as its list holds, and each owner's own alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from models import AccessList, AuditEvent, Bot, BotAccess, PeopleChange
from services.core.times import utc_now
from services.fleet.bots.access import get_access, put_entry
from services.fleet.bots.access_rules import AccessEntry
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.people.listing import list_people
from services.traffic.audience import blocking, changing
from services.traffic.audience.changing import WantedChange, begin_change, go_on
from services.traffic.audience.conditions import Conditions
from tests.services.fleet.pools.fleet import new_account
from tests.services.reporting.people.test_people import furnish


def bots_of(platform: Platform, owner: Principal) -> list[Bot]:
    with platform.database.reading() as session:
        return list(session.scalars(select(Bot).where(Bot.account_id == owner.account_id).order_by(Bot.id)))


def blocked(platform: Platform, owner: Principal) -> list[list[int]]:
    """The Telegram ids on the lists of the owner's bots."""
    lists = [get_access(platform, owner, bot.id).lists.blocked for bot in bots_of(platform, owner)]
    return [sorted(entry.telegram_id for entry in entries) for entries in lists]


def made(platform: Platform, owner: Principal, wanted: WantedChange) -> tuple[int, int, int]:
    """Who was meant, changed and refused by a change that is made."""
    change = begin_change(platform, owner, wanted)
    go_on(platform, change.id)
    with platform.database.reading() as session:
        done = session.get_one(PeopleChange, change.id)
    assert done.ended_at is not None
    assert done.looked_at == done.total
    return done.total, done.changed, done.refused


@pytest.mark.data
def test_people_are_blocked_at_each_bot_and_their_workers_hear_of_it(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    furnish(platform, owner, 5)
    furnish(platform, owner, 2)
    foreign = furnish(platform, stranger, 1)
    monkeypatch.setattr(changing, "STEP", 3)
    before = [bot.config_version for bot in bots_of(platform, owner)]
    everybody = WantedChange(action="block", conditions=Conditions())
    assert made(platform, owner, everybody) == (7, 7, 0)
    assert blocked(platform, owner) == [[1, 2, 3, 4, 5], [1, 2]]
    assert blocked(platform, stranger) == [[]]
    versions = [bot.config_version for bot in bots_of(platform, owner)]
    assert versions == [before[0] + 2, before[1] + 2]  # once a step that changed something
    assert made(platform, owner, everybody) == (7, 0, 0)
    assert [bot.config_version for bot in bots_of(platform, owner)] == versions
    shown, _ = list_people(platform, owner, Conditions())
    assert all(each["is_blocked"] for each in shown)
    chosen = tuple(each["lead_id"] for each in shown if each["telegram_id"] == 2)
    freed = WantedChange(action="unblock", lead_ids=(*chosen, *foreign))
    assert made(platform, owner, freed) == (2, 2, 0)
    assert blocked(platform, owner) == [[1, 3, 4, 5], [1]]
    with platform.database.reading() as session:
        entries = session.scalars(select(AuditEvent).where(AuditEvent.account_id == owner.account_id))
        kinds = [(entry.kind, entry.details.get("total")) for entry in entries if "people_" in entry.kind]
    assert kinds == [("people_blocked", 7), ("people_blocked", 7), ("people_unblocked", 2)]


@pytest.mark.data
def test_a_list_that_is_full_or_a_files_is_left_and_counted(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = new_account(platform)
    furnish(platform, owner, 4)
    furnish(platform, owner, 2)
    full, declared = bots_of(platform, owner)
    now = utc_now()
    entry = AccessEntry(4, now.replace(year=now.year + 1), "till then")
    put_entry(platform, owner, full.id, AccessList.BLOCKED, entry)
    with platform.database.transaction() as session:
        session.get_one(Bot, declared.id).declared_in = "bot.yaml"
        past = now.replace(year=now.year - 1)
        session.add(BotAccess(bot_id=full.id, list=AccessList.BLOCKED, telegram_id=1, until=past))
    monkeypatch.setattr(blocking, "MOST_ENTRIES", 2)
    wanted = WantedChange(action="block", conditions=Conditions())
    assert made(platform, owner, wanted) == (6, 2, 4)  # 4 for good, 1 anew; 2 and 3 find no room
    lists = get_access(platform, owner, full.id).lists.blocked
    assert {replace(one, note="") for one in lists} == {AccessEntry(1), AccessEntry(4)}
    assert blocked(platform, owner)[1] == []


def test_nobody_is_blocked_without_being_named_and_a_tag_goes_with_tags_alone() -> None:
    for wrong in ({"action": "block"}, {"action": "tag"}, {"action": "block", "tag": "x", "lead_ids": []}):
        with pytest.raises(ValidationError):
            WantedChange.model_validate(wrong)
