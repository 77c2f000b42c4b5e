"""The files of a bot over the API: listed, saved, deleted, never shown as a page."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import select

from models import Account, AuditEvent, Bot, Lead, StoredFile
from services.core.times import utc_now
from services.platform.files.folder import FileFolder
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key, sign_in
from tools.servers.fleet import add_bot

PAGE = b"<script>alert(1)</script>"  # as if the look at its content had failed


def test_files_are_listed_saved_and_deleted_by_their_owner_alone(
    platform: Platform, client: FlaskClient
) -> None:
    bot = add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35})
    folder = FileFolder(platform.settings)
    with platform.database.reading() as session:
        key = make_key(platform, session.get_one(Account, bot.account_id))
    with platform.database.transaction() as session:
        for number in (1, 2, 3):
            facts = {"update_id": number, "telegram_id": 5, "kind": "document", "file_unique_id": str(number)}
            name = {"name": f'"naïve" {number}.html', "stored_name": f"{number:032x}", "mime": "text/html"}
            stored = None if number == 3 else utc_now()
            session.add(
                StoredFile(
                    account_id=bot.account_id, bot_id=bot.id, size=9, stored_at=stored, **facts, **name
                )
            )
    with folder.writing(bot.account_id, f"{1:032x}") as (file, _, keep):
        file.write(PAGE)
        keep()
    listed = client.get(f"/api/v1/bots/{bot.public_id}/files?limit=1", headers=key).get_json()
    [first] = listed["items"]
    second = client.get(f"/api/v1/bots/{bot.id}/files?cursor={listed['next']}", headers=key).get_json()
    assert (first["name"], first["bot_id"]) == ('"naïve" 1.html', bot.id)
    assert (len(second["items"]), second["next"]) == (1, None)  # the third is still on its way
    content = client.get(f"/api/v1/files/{first['id']}/content", headers=key)
    assert (content.data, content.mimetype) == (PAGE, "application/octet-stream")
    assert content.headers["Content-Disposition"].startswith("attachment;")
    assert content.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in content.headers["Content-Security-Policy"]
    missing = client.get(f"/api/v1/files/{second['items'][0]['id']}/content", headers=key)
    assert (missing.status_code, missing.get_json()["code"]) == (404, "file_gone")
    on_its_way = client.delete(f"/api/v1/files/{first['id'] + 2}", headers=key)
    assert (on_its_way.status_code, on_its_way.get_json()["code"]) == (404, "file_not_found")
    others = make_key(platform, make_account(platform, "other@example.com"))
    for method, path in (("GET", "/content"), ("DELETE", "")):
        answer = client.open(f"/api/v1/files/{first['id']}{path}", method=method, headers=others)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "file_not_found")
    assert client.delete(f"/api/v1/files/{first['id']}", headers=key).status_code == 204
    assert folder.listed(bot.account_id) == []
    with platform.database.reading() as session:
        assert session.scalars(select(AuditEvent.kind).where(AuditEvent.kind == "file_deleted")).all()


def test_the_panel_shows_the_latest_files_first_with_who_sent_them_and_the_room_that_is_left(
    platform: Platform, client: FlaskClient
) -> None:
    owner = make_account(platform)
    bot = add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35})
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).account_id = owner.id
        session.add(
            Lead(account_id=owner.id, bot_id=bot.id, telegram_id=5, first_name="Ana", last_name="Silva")
        )
        for number in range(27):
            names = {"name": f"{number}.png", "stored_name": f"{number:032x}", "file_unique_id": str(number)}
            facts = {"update_id": number, "telegram_id": 5 if number else 6, "kind": "photo", "size": 10}
            stored = None if number == 26 else utc_now()
            session.add(StoredFile(account_id=owner.id, bot_id=bot.id, stored_at=stored, **facts, **names))
    page = f"/panel/live/bots/{bot.id}/files"
    assert client.get(page).status_code in (302, 401)
    sign_in(client)
    first, second = (client.get(f"{page}?page={number}").get_json() for number in (1, 2))
    assert [each["name"] for each in first["files"]] == [f"{number}.png" for number in range(25, 0, -1)]
    assert {each["person"] for each in first["files"]} == {"Ana Silva"}
    assert [(each["name"], each["person"]) for each in second["files"]] == [("0.png", "")]
    assert (first["more"], second["more"]) == (True, False)
    # Room is kept for the one that is still on its way.
    assert (first["used"], first["limit"]) == (270, platform.settings.quota_files_mb * 2**20)
    others = add_bot(platform, {"id": 7002, "username": "other_bot", "token": "7002:" + "A" * 35})
    assert client.get(f"/panel/live/bots/{others.id}/files").status_code == 404
