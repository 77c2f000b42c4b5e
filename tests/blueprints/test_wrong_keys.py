"""Wrong API keys and METRICS_TOKENs: so many from one address, and right ones from there none the less."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from app import create_app
from services.core.settings import Settings
from services.platform.accounts.api_keys import create_key, revoke_key
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, make_account, make_key, sign_in

KEYS, MOST = "/api/v1/keys", 60
HERE, ELSEWHERE = {"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.2"}


def ask(client: FlaskClient, bearer: str, path: str = KEYS, place: dict[str, str] = HERE) -> TestResponse:
    return client.get(path, headers={"Authorization": f"Bearer {bearer}"}, environ_base=place)


def test_wrong_keys_are_limited_by_address_and_keep_out_nobody_with_a_right_one(
    client: FlaskClient, platform: Platform
) -> None:
    account = make_account(platform)
    row, revoked = create_key(platform, caller_of(account))
    revoke_key(platform, caller_of(account), row.key_id)
    right = make_key(platform, account)["Authorization"].removeprefix("Bearer ")
    wrong = ["flk_made_up", revoked, f"{right}x", "nonsense"]
    paths = [KEYS, "/api/v1/bots", "/api/redirect-pools"]
    tries = [ask(client, wrong[n % 4], paths[n % 3]).status_code for n in range(MOST + 4)]
    assert tries == [401] * MOST + [429] * 4
    refused = ask(client, "flk_made_up")
    assert refused.get_json()["code"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert ask(client, "flk_made_up", place=ELSEWHERE).status_code == 401
    for path in paths:
        passed = ask(client, right, path)
        assert (passed.status_code, passed.headers["X-RateLimit-Limit"]) == (200, "600")
    sign_in(client)
    assert client.get(KEYS, environ_base=HERE).status_code == 200
    assert not [name for name in platform.redis.keys("*") if "flk" in str(name) or "192.0" in str(name)]


def test_after_a_wrong_key_the_rate_of_a_right_one_still_counts(
    settings: Settings, platform: Platform
) -> None:
    client = create_app(Platform(settings.model_copy(update={"api_rate_per_minute": 3}))).test_client()
    right = make_key(platform, make_account(platform))["Authorization"].removeprefix("Bearer ")
    assert ask(client, "flk_made_up").status_code == 401
    # Twice as many as may pass: the window can end in between.
    assert 429 in [ask(client, right).status_code for _ in range(7)]


@pytest.mark.parametrize("path", ["/metrics", "/health/full"])
def test_wrong_metrics_tokens_are_limited_too(settings: Settings, platform: Platform, path: str) -> None:
    guarded = Platform(settings.model_copy(update={"metrics_token": SecretStr("s3cret")}))
    client = create_app(guarded).test_client()
    assert [ask(client, f"guess{n}", path).status_code for n in range(MOST + 1)] == [401] * MOST + [429]
    assert ask(client, "s3cret", path).status_code == 200
    assert ask(client, "guess", path, ELSEWHERE).status_code == 401
    assert client.get("/health/ready", environ_base=HERE).status_code in (200, 503)
