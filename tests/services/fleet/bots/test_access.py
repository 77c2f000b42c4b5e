"""Access lists and switches of a bot: tenants, ends, concurrent edits, bounds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from models import AccessList, AuditEvent, Bot, BotAccess
from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.times import utc_now
from services.fleet.bots.access import (
    MOST_ENTRIES,
    AccessChange,
    get_access,
    put_entry,
    remove_entry,
    set_access,
)
from services.fleet.bots.access_rules import Access, AccessEntry, AccessRules
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.bots.world import count

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_bot(platform: Platform, owner: Principal, telegram_bot_id: int = 7) -> int:
    with platform.database.transaction() as session:
        bot = Bot(
            account_id=owner.account_id,
            public_id=f"bot_{telegram_bot_id:012x}",
            telegram_bot_id=telegram_bot_id,
            username="loja_bot",
            sealed_token="-",
            mode="polling",
            path_id=f"{telegram_bot_id:032x}",
        )
        session.add(bot)
    return bot.id


@pytest.mark.data
def test_lists_and_switches_are_one_owners_are_audited_and_go_with_the_bot(
    platform: Platform, owner: Principal, stranger: Principal
) -> None:
    bot = a_bot(platform, owner)
    other = a_bot(platform, stranger, 8)
    until = utc_now() + HOUR
    change = AccessChange(blocked=[AccessEntry(5, until, "spam"), AccessEntry(-100)], maintenance=True)
    set_access(platform, owner, bot, change)
    put_entry(platform, owner, bot, AccessList.ADMIN, AccessEntry(2**62))
    rules = get_access(platform, owner, bot)
    assert rules.lists == Access(
        (), (AccessEntry(5, until, "spam"), AccessEntry(-100)), (AccessEntry(2**62),)
    )
    assert (rules.maintenance, rules.captcha) == (True, False)
    put_entry(platform, owner, bot, AccessList.BLOCKED, AccessEntry(5))
    kept = set_access(platform, owner, bot, AccessChange(captcha=True, maintenance_message="já voltamos"))
    assert kept.lists.blocked[0] == AccessEntry(5)
    assert (kept.maintenance, kept.captcha, kept.maintenance_message) == (True, True, "já voltamos")
    for act in (
        lambda: get_access(platform, stranger, bot),
        lambda: set_access(platform, stranger, bot, AccessChange(captcha=False)),
        lambda: put_entry(platform, stranger, bot, AccessList.BLOCKED, AccessEntry(9)),
        lambda: remove_entry(platform, stranger, bot, AccessList.BLOCKED, 5),
    ):
        with pytest.raises(NotFound, match="no such bot"):
            act()
    remove_entry(platform, owner, bot, AccessList.BLOCKED, 5)
    with pytest.raises(NotFound) as refused:
        remove_entry(platform, owner, bot, AccessList.BLOCKED, 5)
    assert refused.value.code == "access_not_found"
    assert get_access(platform, stranger, other) == AccessRules()
    with platform.database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    kinds = [event.kind for event in events]
    set_, put, removed = "bot_access_set", "bot_access_put", "bot_access_removed"
    assert kinds == [set_, put, put, set_, removed]
    assert events[1].details["changes"] == {"list": "admin", "telegram_id": 2**62, "until": None}
    with platform.database.transaction() as session:
        session.delete(session.get(Bot, bot))
    assert count(platform, BotAccess) == 0


@pytest.mark.data
def test_a_wrong_entry_is_refused_with_its_place_and_nothing_is_saved(
    platform: Platform, owner: Principal
) -> None:
    bot = a_bot(platform, owner)
    good, past = AccessEntry(1), utc_now() - HOUR
    for wrong, code, field in (
        (AccessEntry(0), "telegram_id_invalid", "blocked_users.1.telegram_id"),
        (AccessEntry(2**63), "telegram_id_invalid", "blocked_users.1.telegram_id"),
        (AccessEntry(2, past), "until_past", "blocked_users.1.until"),
        (AccessEntry(2, None, "x" * 201), "note_too_long", "blocked_users.1.note"),
        (AccessEntry(1), "access_twice", "blocked_users"),
    ):
        with pytest.raises(InvalidInput) as refused:
            set_access(platform, owner, bot, AccessChange(captcha=True, blocked=[good, wrong]))
        assert (refused.value.code, refused.value.field) == (code, field)
    with pytest.raises(InvalidInput) as refused:
        put_entry(platform, owner, bot, AccessList.ALLOWED, AccessEntry(2, past))
    assert (refused.value.code, refused.value.field) == ("until_past", "until")
    assert get_access(platform, owner, bot) == AccessRules()


@pytest.mark.data
def test_what_has_ended_is_not_shown_may_be_sent_back_and_goes_with_the_next_change(
    platform: Platform, owner: Principal
) -> None:
    bot = a_bot(platform, owner)
    soon = utc_now() + HOUR
    set_access(platform, owner, bot, AccessChange(allowed=[AccessEntry(1, soon), AccessEntry(2)]))
    past = utc_now() - HOUR
    with platform.database.transaction() as session:
        session.execute(update(BotAccess).where(BotAccess.telegram_id == 1).values(until=past))
    assert get_access(platform, owner, bot).lists.allowed == (AccessEntry(2),)
    assert count(platform, BotAccess) == 2
    rules = set_access(platform, owner, bot, AccessChange(allowed=[AccessEntry(1, past), AccessEntry(2)]))
    assert rules.lists.allowed == (AccessEntry(2),)
    assert count(platform, BotAccess) == 1


@pytest.mark.data
def test_changes_of_one_moment_lose_nobody_and_leave_one_whole_list(
    platform: Platform, owner: Principal
) -> None:
    bot = a_bot(platform, owner)
    with ThreadPoolExecutor(6) as threads:
        list(
            threads.map(
                lambda n: put_entry(platform, owner, bot, AccessList.BLOCKED, AccessEntry(n % 6 + 1)),
                range(12),
            )
        )
        assert {each.telegram_id for each in get_access(platform, owner, bot).lists.blocked} == set(
            range(1, 7)
        )
        lists = [[AccessEntry(1), AccessEntry(2)], [AccessEntry(2), AccessEntry(3)]] * 3
        list(threads.map(lambda one: set_access(platform, owner, bot, AccessChange(blocked=one)), lists))
    left = {each.telegram_id for each in get_access(platform, owner, bot).lists.blocked}
    assert left in ({1, 2}, {2, 3})


def test_a_list_has_a_bound_and_one_more_is_refused(platform: Platform, owner: Principal) -> None:
    bot = a_bot(platform, owner)
    rows = [
        {"bot_id": bot, "list": "blocked", "telegram_id": n, "note": "", "created_at": NOW}
        for n in range(1, MOST_ENTRIES + 1)
    ]
    with platform.database.transaction() as session:
        session.execute(insert(BotAccess), rows)
    with pytest.raises(Conflict) as refused:
        put_entry(platform, owner, bot, AccessList.BLOCKED, AccessEntry(MOST_ENTRIES + 1))
    assert refused.value.code == "quota_exceeded"
    put_entry(platform, owner, bot, AccessList.BLOCKED, AccessEntry(1, note="known"))
    put_entry(platform, owner, bot, AccessList.ALLOWED, AccessEntry(MOST_ENTRIES + 1))
    assert count(platform, BotAccess) == MOST_ENTRIES + 1


def test_entries_end_by_time_alone_and_an_ended_allow_list_is_for_everybody() -> None:
    rules = AccessRules(
        Access(
            allowed=(AccessEntry(1, NOW + HOUR), AccessEntry(2, NOW + 2 * HOUR)),
            blocked=(AccessEntry(3, NOW + HOUR),),
            admins=(AccessEntry(3), AccessEntry(4)),
        )
    )
    assert [rules.is_allowed(who, NOW) for who in (1, 2, 4, 5)] == [True, True, True, False]
    assert [rules.is_allowed(who, NOW + HOUR) for who in (1, 2, 5)] == [False, True, False]
    assert rules.is_allowed(5, NOW + 2 * HOUR)
    assert (rules.is_blocked(3, NOW), rules.is_admin(3, NOW), rules.is_admin(4, NOW)) == (True, False, True)
    assert (rules.is_blocked(3, NOW + HOUR), rules.is_admin(3, NOW + HOUR)) == (False, True)
