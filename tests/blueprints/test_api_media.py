"""The REST API of the media library."""

from __future__ import annotations

import io
from typing import Any

from flask.testing import FlaskClient

from models import Flow
from services.platform.platform import Platform
from tests.blueprints.people import csrf_token, make_account, make_key, sign_in
from tests.services.messaging.files.contents import PNG

MEDIA = "/api/v1/media"
HTML = b"<html><script>alert(1)</script></html>"


def form(content: bytes, name: str = "a.png") -> dict[str, Any]:
    return {"data": {"file": (io.BytesIO(content), name)}, "content_type": "multipart/form-data"}


def test_a_file_is_uploaded_found_renamed_read_and_deleted(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform)
    key = make_key(platform, account)
    made = client.post(MEDIA, headers=key, **form(PNG, "Loja.png"))
    assert (made.status_code, made.headers["Location"]) == (201, f"{MEDIA}/{made.get_json()['id']}")
    assert (made.get_json()["kind"], made.get_json()["kinds"]) == ("photo", ["photo", "document"])
    one = f"{MEDIA}/{made.get_json()['id']}"
    assert client.post(MEDIA, headers=key, **form(PNG, "again.png")).get_json()["id"] == made.get_json()["id"]
    large = PNG + bytes(11 * 2**20)
    assert client.post(MEDIA, headers=key, **form(large, "large.png")).get_json()["kinds"] == ["document"]
    assert [each["name"] for each in client.get(f"{MEDIA}?words=loja", headers=key).get_json()["items"]] == [
        "Loja.png"
    ]
    assert [
        each["name"] for each in client.get(f"{MEDIA}?kind=document", headers=key).get_json()["items"]
    ] == ["large.png"]
    first = client.get(f"{MEDIA}?limit=1", headers=key).get_json()
    assert len(client.get(f"{MEDIA}?cursor={first['next']}", headers=key).get_json()["items"]) == 1
    assert client.get(f"{MEDIA}/room", headers=key).get_json()["used"] == len(PNG) + len(large)
    assert client.patch(one, json={"name": "Store.png"}, headers=key).get_json()["name"] == "Store.png"
    content = client.get(f"{one}/content", headers=key)
    assert (content.data, content.mimetype) == (PNG, "application/octet-stream")
    assert "Store.png" in content.headers["Content-Disposition"]
    draft = {
        "start": "a",
        "steps": [{"key": "a", "messages": [{"kind": "photo", "media": made.get_json()["id"]}]}],
    }
    with platform.database.transaction() as session:
        session.add(Flow(account_id=account.id, key="sales", name="Sales", draft=draft, draft_by="x"))
    [use] = client.get(f"{one}/uses", headers=key).get_json()["items"]
    assert (use["kind"], use["name"], use["step"], use["version"]) == ("flow", "Sales", "a", None)
    refused = client.delete(one, headers=key)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "media_in_use")
    assert "Sales/a" in refused.get_json()["detail"]
    client.patch("/api/v1/flows/1", json={"name": "Other"}, headers=key)
    with platform.database.transaction() as session:
        session.delete(session.get(Flow, 1))
    assert client.delete(one, headers=key).status_code == 204
    assert client.get(one, headers=key).status_code == 404


def test_what_is_refused_says_why(client: FlaskClient, platform: Platform) -> None:
    key = make_key(platform, make_account(platform))
    codes = [
        client.post(MEDIA, headers=key, **form(content)).get_json()["code"]
        for content in (HTML, b"", b"\0\1\2")
    ]
    assert codes == ["file_executable", "file_empty", "file_type"]
    nothing = client.post(MEDIA, headers=key, data={}, content_type="multipart/form-data")
    assert (nothing.status_code, nothing.get_json()["code"]) == (422, "file_missing")
    assert client.post(MEDIA, headers=key, **form(PNG + bytes(52 * 2**20))).status_code == 413
    reader = make_key(platform, make_account(platform, "reader@example.com"), "read")
    assert client.post(MEDIA, headers=reader, **form(PNG)).status_code == 403
    assert client.post(MEDIA, **form(PNG)).status_code == 401


def test_a_signed_in_browser_uploads_more_than_other_forms_may_hold_with_its_token_alone(
    client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    sign_in(client)
    token = csrf_token(client, "/panel/account")
    big = PNG + bytes(2**21)
    assert client.post(MEDIA, **form(big)).status_code == 400
    made = client.post(MEDIA, headers={"X-CSRFToken": token}, **form(big))
    assert made.status_code == 201
