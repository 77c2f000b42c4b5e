"""What docs/security.md answers and no other test shows."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app import create_app
from plugins.markup import HTML
from plugins.texts import filled
from services.core.setting_types import AppEnv
from services.core.settings import Settings
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key, sign_in


def test_a_static_file_is_read_as_what_it_is_called(client: FlaskClient) -> None:
    answer = client.get("/static/js/theme.js")
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/login", "/go/red1", "/api/v1/bots", "/static/js/theme.js", "/health/live"]
)
def test_trace_echoes_nothing(client: FlaskClient, path: str) -> None:
    answer = client.open(path, method="TRACE", headers={"X-Probe": "echoed-by-trace"})
    assert answer.status_code == 405
    assert "echoed-by-trace" not in answer.text


def test_a_field_that_a_route_does_not_declare_is_refused(client: FlaskClient, platform: Platform) -> None:
    key = make_key(platform, make_account(platform))
    answer = client.post(
        "/api/v1/redirect-pools", json={"name": "Red", "slug": "red1", "account_id": 1}, headers=key
    )
    assert answer.status_code == 422
    assert "account_id" in answer.text


def test_a_text_reads_no_attribute_and_shows_a_name_as_text() -> None:
    values = {"first_name": "<b>Ana</b>"}
    template = "{first_name} {first_name.__class__} {first_name[0]} {0} {first_name!r} %(first_name)s"
    shown = filled(template, values, HTML)
    assert shown == template.replace("{first_name} ", "&lt;b&gt;Ana&lt;/b&gt; ", 1)


@pytest.mark.parametrize("env", [AppEnv.PROD, AppEnv.STAGING])
def test_where_it_is_served_nothing_is_debugged_and_each_cookie_is_for_https_alone(
    settings: Settings, platform: Platform, env: AppEnv
) -> None:
    make_account(platform)
    app = create_app(Platform(settings.model_copy(update={"app_env": env})))
    assert app.debug is False
    client = app.test_client()
    client.environ_base |= {"wsgi.url_scheme": "https", "HTTP_HOST": "flotilla.example"}
    cookies = sign_in(client).headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-flotilla", "flotilla_browser"}
    for cookie in cookies:
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie or "SameSite=Strict" in cookie
