"""The panel's page of backups, and the command line's."""

from __future__ import annotations

import pytest
from flask import Flask
from rq import Queue
from rq.serializers import JSONSerializer

from app import create_app
from services.core.errors import Conflict
from services.core.settings import Settings
from services.operations.backup.progress import Work, alone
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, JobQueue, waiting_jobs
from tests.blueprints.people import make_account, sign_in, submit

PAGE = "/panel/admin/backups"
LIVE = "/panel/live/backups"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Folders of plugins and YAML beside DATA_DIR."""
    folder = settings.data_dir
    return settings.model_copy(update={"plugins_dir": folder / "custom", "config_dir": folder / "bots"})


@pytest.fixture
def app(platform: Platform) -> Flask:
    return create_app(platform)


def test_an_admin_sees_the_list_and_asks_for_one(app: Flask, platform: Platform) -> None:
    make_account(platform, "boss@example.com", admin=True)
    client = app.test_client()
    sign_in(client, "boss@example.com")
    assert "No backup so far" in client.get(PAGE, headers={"Accept-Language": "en"}).text
    assert submit(client, PAGE).status_code == 302
    assert waiting_jobs(platform.redis, JobQueue.DEFAULT)
    before = client.get(LIVE).json or {}
    assert before["running"] == []
    name = app.test_cli_runner().invoke(args=["backup", "create", "--quiet"]).output.strip().splitlines()[-1]
    assert name in client.get(PAGE).text
    listed = app.test_cli_runner().invoke(args=["backup", "list"])
    assert name in listed.output
    assert (client.get(LIVE).json or {})["mark"] != before["mark"], "the page is read anew"
    assert submit(client, PAGE, f"{PAGE}/verify").status_code == 302
    queue = Queue(JobQueue.DEFAULT, connection=platform.job_redis, serializer=JSONSerializer)
    assert [job.func_name for job in queue.jobs] == [JobName.MAKE_BACKUP, JobName.VERIFY_BACKUP]


def test_what_is_done_is_seen_and_not_asked_for_twice(app: Flask, platform: Platform) -> None:
    make_account(platform, "boss@example.com", admin=True)
    client = app.test_client()
    sign_in(client, "boss@example.com")
    with alone(platform, Work.CREATE, every_seconds=0.0) as at_once:
        at_once.total(400)
        at_once.done(200)
        assert (client.get(LIVE).json or {})["running"][0]["percent"] == 50
    with alone(platform, Work.CREATE) as made, alone(platform, Work.VERIFY):
        made.total(400)
        made.done(100)  # too soon after the last word to be told
        assert (client.get(LIVE).json or {})["running"] == [
            {"work": "create", "stage": "packing", "percent": 0},
            {"work": "verify", "stage": "unpacking", "percent": None},
        ]
        for path in (PAGE, f"{PAGE}/verify"):
            assert submit(client, PAGE, path).status_code == 302
        with pytest.raises(Conflict) as refused, alone(platform, Work.VERIFY):
            pass
        assert refused.value.code == "verify_running"
    assert not waiting_jobs(platform.redis, JobQueue.DEFAULT)
    assert (client.get(LIVE).json or {})["running"] == []


def test_others_see_nothing(app: Flask, platform: Platform) -> None:
    make_account(platform, "owner@example.com")
    client = app.test_client()
    sign_in(client, "owner@example.com")
    assert client.get(PAGE).status_code == 403
    assert client.get(LIVE).status_code == 403
    for path in (PAGE, f"{PAGE}/verify"):
        assert submit(client, "/panel/bots", path).status_code == 403
    assert not waiting_jobs(platform.redis, JobQueue.DEFAULT)


def test_a_refused_restore_is_one_line(app: Flask, platform: Platform) -> None:
    make_account(platform)
    wrong = platform.settings.data_dir / "notes.txt"
    wrong.write_text("no backup")
    told = app.test_cli_runner().invoke(args=["backup", "restore", str(wrong), "--replace"])
    assert told.exit_code == 1
    assert "is no backup of Flotilla" in told.output
    missing = app.test_cli_runner().invoke(args=["backup", "restore", "nowhere.age"])
    assert "There is no backup nowhere.age" in missing.output
