"""Switches as admins turn them on: what is kept and told, two processes, expiry, tenants, Redis away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis import RedisError
from sqlalchemy import select

from models import AuditEvent, Notification, Switch
from services.core.errors import Forbidden, InvalidInput, NotFound, Unavailable
from services.core.settings import Settings
from services.operations import switches
from services.operations.metrics import exposition
from services.operations.switches import NewSwitch, clear_switch, list_switches, set_switch, tell_of_ends
from services.platform import switchboard
from services.platform.accounts.accounts import create_account
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.switchboard import Switchboard, SwitchName
from tests.services.switching import admin, end_in, switch_on
from tools.servers.sandbox import wait_until


@pytest.fixture
def other(settings: Settings, platform: Platform) -> Iterator[Platform]:
    """A second process of the installation, which listens."""
    second = Platform(settings)
    second.switches.start()
    yield second
    second.switches.stop()


def told(platform: Platform) -> list[str]:
    with platform.database.reading() as session:
        return list(session.scalars(select(Notification.kind).order_by(Notification.id)))


def test_another_process_knows_it_within_a_second_and_that_it_is_over_by_itself(
    platform: Platform, other: Platform
) -> None:
    assert not other.switches.is_on(SwitchName.BULK_PAUSE)
    switch_on(platform, SwitchName.BULK_PAUSE)
    wait_until(lambda: other.switches.is_on(SwitchName.BULK_PAUSE), seconds=2)
    clear_switch(platform, admin(platform), "bulk_pause")
    wait_until(lambda: not other.switches.is_on(SwitchName.BULK_PAUSE), seconds=2)


def test_what_is_over_by_time_is_off_without_any_job(platform: Platform) -> None:
    switch_on(platform, SwitchName.CAPTCHA, seconds=0.3)
    assert platform.switches.is_on(SwitchName.CAPTCHA)
    wait_until(lambda: not platform.switches.is_on(SwitchName.CAPTCHA), seconds=2)  # nothing is read again
    assert platform.switches.active() == []
    assert platform.switches.value_of(SwitchName.CAPTCHA) is None
    assert [view["name"] for view in list_switches(platform, admin(platform)) if view["is_on"]] == []


def test_without_redis_it_is_set_and_reaches_other_processes_all_the_same(
    platform: Platform, other: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise RedisError

    monkeypatch.setattr(switches, "announce", away)
    board = Switchboard(other.database, other.changes, refresh_seconds=0.2)
    board.start()
    switch_on(platform, SwitchName.COOLDOWN, 7)
    wait_until(lambda: board.value_of(SwitchName.COOLDOWN) == 7, seconds=3)
    board.stop()


def test_without_the_database_the_last_known_state_holds_and_ends_in_time(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_on(platform, SwitchName.LIMITS, 0.25, seconds=0.6)

    def away(*_: Any) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(switchboard, "active_rows", away)
    assert platform.switches._try_to_refresh() is False
    assert platform.switches.lowered(40) == 10
    wait_until(lambda: platform.switches.lowered(40) == 40, seconds=2)


def test_admins_are_told_when_it_is_set_cleared_and_over_once_each(platform: Platform) -> None:
    switch_on(platform, SwitchName.CAPTCHA)
    clear_switch(platform, admin(platform), "captcha")
    clear_switch(platform, admin(platform), "captcha")  # nothing is on: nothing is said
    assert told(platform) == ["switch_set", "switch_ended"]
    switch_on(platform, SwitchName.MAINTENANCE)
    assert tell_of_ends(platform) == 0
    end_in(platform, SwitchName.MAINTENANCE, -1)
    assert (tell_of_ends(platform), tell_of_ends(platform)) == (1, 0)
    assert told(platform)[2:] == ["switch_set", "switch_ended"]
    with platform.database.reading() as session:
        kinds = list(session.scalars(select(AuditEvent.kind).where(AuditEvent.kind.startswith("switch"))))
    assert kinds == ["switch_set", "switch_cleared", "switch_set"]


def test_a_switch_set_again_has_the_new_value_and_end_and_one_of_it_is_on(platform: Platform) -> None:
    switch_on(platform, SwitchName.LIMITS, 0.5)
    switch_on(platform, SwitchName.LIMITS, 0.1)
    assert platform.switches.lowered(100) == 10
    with platform.database.reading() as session:
        assert len(session.scalars(select(Switch.id).where(Switch.ended_at.is_(None))).all()) == 1


def test_only_admins_reach_them(platform: Platform) -> None:
    owner = Principal(create_account(platform, "o@example.com", "a long password", False).id, "account:9")
    for attempt in (
        lambda: list_switches(platform, owner),
        lambda: set_switch(platform, owner, NewSwitch(SwitchName.MAINTENANCE, "why")),
        lambda: clear_switch(platform, owner, "maintenance"),
    ):
        with pytest.raises(Forbidden):
            attempt()


@pytest.mark.parametrize(
    ("name", "value", "minutes", "reason", "field"),
    [
        (SwitchName.LIMITS, 1, 60, "x", "value"),
        (SwitchName.LIMITS, True, 60, "x", "value"),
        (SwitchName.COOLDOWN, "5", 60, "x", "value"),
        (SwitchName.COOLDOWN, 61, 60, "x", "value"),
        (SwitchName.ALLOW_LIST, [], 60, "x", "value"),
        (SwitchName.ALLOW_LIST, None, 60, "x", "value"),
        (SwitchName.MAINTENANCE, 5, 60, "x", "value"),
        (SwitchName.CAPTCHA, "yes", 60, "x", "value"),
        (SwitchName.CAPTCHA, None, 60, "  ", "reason"),
        (SwitchName.CAPTCHA, None, 0, "x", "minutes"),
        (SwitchName.MAINTENANCE, None, 24 * 60 + 1, "x", "minutes"),
    ],
)
def test_what_makes_no_sense_is_refused(
    platform: Platform, name: SwitchName, value: Any, minutes: int, reason: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        set_switch(platform, admin(platform), NewSwitch(name, reason, value, minutes))
    assert refused.value.field == field
    with pytest.raises(NotFound):
        clear_switch(platform, admin(platform), "nothing")


def test_the_metric_says_which_are_on(platform: Platform) -> None:
    switch_on(platform, SwitchName.CAPTCHA)
    page = exposition(platform).decode()
    assert 'switches_active{switch="captcha"} 1.0' in page
    assert 'switches_active{switch="limits"} 0.0' in page
