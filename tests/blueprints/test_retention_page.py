"""The admins' page of kinds of data, and the page of one person's data."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from models import Bot, Lead
from services.operations.retention.deleting import delete_expired
from services.platform.platform import Platform
from tests.blueprints.people import make_account, sign_in, submit

PERSON = 815_004_711
ENGLISH = {"Accept-Language": "en"}


def test_only_an_admin_sees_the_figures_and_starts_the_deletion(
    client: FlaskClient, platform: Platform
) -> None:
    make_account(platform, "owner@example.com")
    stranger = client.application.test_client()
    sign_in(stranger, "owner@example.com")
    assert stranger.get("/panel/admin/data").status_code == 403
    delete_expired(platform)
    make_account(platform, "boss@example.com", admin=True)
    sign_in(client, "boss@example.com")
    page = client.get("/panel/admin/data").get_data(as_text=True)
    assert "CLICKS_RETENTION_DAYS" in page
    before: list[Any] = platform.job_redis.lrange("rq:queue:default", 0, -1)
    for action in ("count", "delete"):
        assert submit(client, "/panel/admin/data", f"/panel/admin/data/{action}").status_code == 302
    assert len(platform.job_redis.lrange("rq:queue:default", 0, -1)) == len(before) + 2


def test_a_persons_data_is_copied_and_erased_from_the_page_of_a_bot(
    client: FlaskClient, platform: Platform, bot: Bot
) -> None:
    with platform.database.transaction() as session:
        session.add(Lead(account_id=bot.account_id, bot_id=bot.id, telegram_id=PERSON, first_name="Ana"))
    make_account(platform, "boss@example.com", admin=True)
    sign_in(client, "boss@example.com")
    page = f"/panel/bots/{bot.id}/people/{PERSON}"
    assert "Bots that know the person" in client.get(page, headers=ENGLISH).get_data(as_text=True)
    copy = submit(client, page, f"{page}/copy")
    assert (copy.status_code, copy.data[:2], copy.headers["Cache-Control"]) == (
        200,
        b"PK",
        "private, no-store",
    )
    assert submit(client, page, f"{page}/erase").status_code == 302
    assert "Nothing is kept" in client.get(page, headers=ENGLISH).get_data(as_text=True)


def test_a_person_is_shown_and_erased_over_the_api(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    with platform.database.transaction() as session:
        session.add(Lead(account_id=bot.account_id, bot_id=bot.id, telegram_id=PERSON, first_name="Ana"))
    path = f"/api/v1/people/{PERSON}"
    shown: Any = client.get(path, headers=key).json
    assert [lead["first_name"] for lead in shown["leads"]] == ["Ana"]
    assert (client.delete(f"{path}?dry_run=1", headers=key).json or {})["leads"] == 1
    assert (client.delete(path, headers=key).json or {})["leads"] == 1
    gone = client.get(path, headers=key)
    assert (gone.status_code, (gone.json or {})["code"]) == (404, "person_not_found")
