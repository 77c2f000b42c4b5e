"""A backup is green only when a click and a chat went through in a place made of it."""

from __future__ import annotations

import pytest

from services.core.errors import FlotillaError
from services.operations.backup import trial, verifying
from services.operations.backup.creating import create_backup
from services.operations.backup.reports import backup_report
from services.operations.backup.verifying import verify_backup
from services.platform.platform import Platform
from services.traffic.clicks.flush import flush
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import click, unstarted


@pytest.mark.data
def test_a_new_installation_s_backup_comes_to_life(platform: Platform) -> None:
    made = create_backup(platform)
    before = platform.redis.dbsize()
    found = verify_backup(platform)
    assert (found.name, found.clicks, found.bots) == (made.backup.name, 0, 0)
    report = backup_report(platform)
    assert report.last_verified > 0
    assert report.verify_failure == ""
    assert platform.redis.dbsize() == before, "nothing of the trial is here"
    assert [path for path in platform.settings.data_dir.iterdir() if ".verifying" in path.name] == []


def test_a_link_of_the_backup_is_clicked(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 2)
    with platform.database.transaction() as session:
        for member in session.merge(pool).members:
            member.bot.sealed_token = platform.vault.seal("1:x", owner=f"bot:{member.bot_id}")
    for _ in range(3):
        click(unstarted(platform))
    flush(platform)
    create_backup(platform)
    made: list[Platform] = []
    monkeypatch.setattr(trial, "add_trial_pool", made.append)
    found = verify_backup(platform)
    assert (found.clicks, found.bots, made) == (3, 2, [])


def test_none_is_red(platform: Platform) -> None:
    with pytest.raises(FlotillaError):
        verify_backup(platform)
    assert backup_report(platform).verify_failure == "backup_not_found"
    assert backup_report(platform).last_verified == 0


def test_what_cannot_run_is_red(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    create_backup(platform)
    verify_backup(platform)
    at = backup_report(platform).last_verified
    monkeypatch.setattr(trial, "WORDS", "hello")  # which no bot of the trial answers
    with pytest.raises(FlotillaError) as error:
        verify_backup(platform, patience=0.5)
    assert error.value.code == "backup_unusable"
    report = backup_report(platform)
    assert (report.verify_failure, report.last_verified) == ("backup_unusable", at)


def test_a_token_that_no_key_opens_is_red(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 1)  # whose bot's token is "x"
    create_backup(platform)
    with pytest.raises(FlotillaError):
        verify_backup(platform)
    assert backup_report(platform).verify_failure == "configuration"
    assert verifying.NOBODY.startswith("http://127.0.0.1")
