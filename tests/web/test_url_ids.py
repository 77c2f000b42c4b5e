"""Numbers of any length in paths and bodies are answered with 404 or 422, never with an error of ours."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.platform.platform import Platform
from tests.blueprints.people import csrf_token, make_account, make_key, sign_in

LONG = ("9" * 5000, str(2**63), "0", "٣٣", "-1", "1e3")


@pytest.mark.parametrize("number", LONG)
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/bots/{}",
        "/api/v1/redirect-pools/{}",
        "/api/v1/redirect-pools/{}/bots",
        "/api/v1/dead-letters/{}",
    ],
)
def test_an_id_that_no_column_holds_is_not_found(
    client: FlaskClient, platform: Platform, path: str, number: str
) -> None:
    key = make_key(platform, make_account(platform, "ids@example.com"))
    assert client.get(path.format(number), headers=key).status_code == 404


@pytest.mark.parametrize("number", LONG)
@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_nor_is_it_to_methods_that_only_a_thing_has(
    client: FlaskClient, platform: Platform, method: str, number: str
) -> None:
    key = make_key(platform, make_account(platform, "ids@example.com"))
    answer = client.open(f"/api/v1/experiments/{number}", method=method, headers=key, json={})
    assert answer.status_code == 404


@pytest.mark.parametrize("body", [[1], "x", 5, {"ids": [2**70]}, {"ids": "x"}, {"ids": [True]}, {"other": 1}])
def test_a_wrong_list_of_what_was_read_is_refused(client: FlaskClient, platform: Platform, body: Any) -> None:
    make_account(platform, "reader@example.com")
    sign_in(client, "reader@example.com")
    headers = {"X-CSRFToken": csrf_token(client, "/panel/account")}
    answer = client.post("/panel/live/notifications/read", json=body, headers=headers)
    assert answer.status_code == 422
