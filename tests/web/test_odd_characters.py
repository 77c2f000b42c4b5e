"""Characters and moments that PostgreSQL cannot hold: they are refused or found nowhere, and are no error of ours."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from services.platform.platform import Platform
from tests.blueprints.people import PASSWORD, csrf_token, make_account, make_key, sign_in, submit

pytestmark = pytest.mark.data
NUL = "%00"


@pytest.mark.parametrize(
    "path",
    [
        f"bots/{NUL}",
        f"clicks/{NUL}/explain",
        f"clicks?source={NUL}",
        f"clicks?cursor={NUL}",
        f"dead-letters?fingerprint={NUL}",
        f"dead-letters/groups?fingerprint={NUL}",
        "dead-letters?from=0001-01-01T00:00:00%2B14:00",
        "clicks?to=9999-12-31T23:59:59-14:00",
    ],
)
def test_the_api_is_asked_for_it(client: FlaskClient, platform: Platform, path: str) -> None:
    answer = client.get(f"/api/v1/{path}", headers=make_key(platform, make_account(platform)))
    assert answer.status_code in (404, 422), answer.text


def test_it_is_sent_to_the_api(client: FlaskClient, platform: Platform) -> None:
    key = make_key(platform, make_account(platform))
    assert client.delete(f"/api/v1/keys/{NUL}", headers=key).status_code == 404
    body = {"name": "\0", "slug": "red1"}
    assert client.post("/api/v1/redirect-pools", json=body, headers=key).status_code == 422


@pytest.mark.parametrize(
    "path", [f"/panel/bots/{NUL}", f"/panel/live/dead-letters?fingerprint={NUL}", f"/go/{NUL}", f"/{NUL}"]
)
def test_a_page_is_asked_for_it(client: FlaskClient, platform: Platform, path: str) -> None:
    make_account(platform)
    sign_in(client)
    assert client.get(path).status_code in (200, 404, 422)


def test_it_is_typed_into_forms(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    assert submit(client, "/login", email="\0@example.com", password=PASSWORD).status_code == 401
    assert submit(client, "/login", email="owner@example.com", password="\0").status_code == 401
    sign_in(client)
    form = {"csrf_token": csrf_token(client, "/panel/account"), "name": "\0", "scopes": "read"}
    assert client.post("/panel/account/keys", data=form).status_code in (200, 422)  # SQLite takes it
    token = {"csrf_token": form["csrf_token"]}
    assert client.post(f"/panel/account/keys/{NUL}/revoke", data=token).status_code == 404
    assert client.post(f"/panel/account/sessions/{10**20}/revoke", data=token).status_code == 404


def test_an_error_of_the_database_tells_the_log_no_values(
    client: FlaskClient, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    make_account(platform)
    sign_in(client)
    client.get(f"/panel/live/dead-letters?fingerprint={NUL}canary")
    assert "canary" not in caplog.text
