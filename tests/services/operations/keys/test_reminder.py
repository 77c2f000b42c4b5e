"""The reminder of an old encryption key."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import select

from models import Notification
from services.operations.keys.ages import key_ages
from services.operations.keys.reminder import remind_of_rotation
from services.operations.metrics import exposition
from services.platform.accounts.accounts import create_account
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys

DAY = 86_400


@pytest.fixture
def old(platform: Platform) -> Platform:
    """An installation whose only key was first seen 91 days ago, with an administrator and somebody else."""
    create_account(platform, "boss@example.com", "correct horse battery", is_admin=True)
    create_account(platform, "owner@example.com", "correct horse battery")
    (age,) = key_ages(platform)
    platform.redis.hset(upkeep_keys.first_sights(), age.fingerprint, int(time.time()) - 91 * DAY)
    return platform


def told(platform: Platform) -> list[Notification]:
    with platform.database.reading() as session:
        return list(session.scalars(select(Notification).where(Notification.kind == "key_old")))


def test_administrators_are_told_once_a_month(old: Platform) -> None:
    assert remind_of_rotation(old)
    assert not remind_of_rotation(old)
    (notification,) = told(old)
    assert notification.params == {"days": 91, "key": old.vault.fingerprints[0]}


@pytest.mark.parametrize("days", [0, 92])
def test_nobody_is_told_of_a_young_key_or_where_it_is_not_wanted(old: Platform, days: int) -> None:
    settings = old.settings.model_copy(update={"key_reminder_days": days})
    assert not remind_of_rotation(Platform(settings))
    assert told(old) == []


def test_the_age_is_a_metric(old: Platform) -> None:
    (line,) = [
        line for line in exposition(old).decode().splitlines() if line.startswith("encryption_key_age_days ")
    ]
    assert 91 <= float(line.rpartition(" ")[2]) < 92
