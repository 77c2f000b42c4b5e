"""Every route says who may use it, and changes nothing by GET."""

from __future__ import annotations

import inspect

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app import create_app
from services.platform.accounts.principal import Scope
from services.platform.platform import Platform
from tests.architecture.source import ROOT
from tests.conftest import settings_for
from web.access import BY_SIGNATURE, BY_WORKER, INTERNAL, PUBLIC, SIGNED_IN, declared, wanted_freshness

KNOWN = {PUBLIC, SIGNED_IN, INTERNAL, BY_WORKER, BY_SIGNATURE, *Scope}
# Open to everybody on purpose; a new one is added here by somebody who has thought about it.
PUBLIC_ROUTES = {
    "/",
    "/api/v1/docs",
    "/api/v1/openapi.json",
    "/go/<slug>",
    "/health/echo",
    "/health/live",
    "/health/ready",
    "/language",
    "/login",
    "/login/code",
    "/new-password",
    "/schema/bot.json",
    "/setup",
    "/status/<token>",
    "/texts/<locale>/<digest>.js",
    "/webhook/<path_id>",
    "/webhook/<path_id>/<suffix>",
}
# What a session may do only while its person has typed the password lately.
PROTECTED_BY_THE_PASSWORD = {
    ("POST", "/panel/account/password"),
    ("POST", "/panel/account/keys"),
    ("POST", "/panel/admin/accounts"),
    ("POST", "/panel/admin/accounts/<int:account_id>/link"),
    ("POST", "/panel/admin/accounts/<int:account_id>/role"),
    ("POST", "/panel/admin/accounts/<int:account_id>/state"),
    ("POST", "/api/v1/keys"),
    ("POST", "/api/v1/keys/<key_id>/rotate"),
    ("POST", "/panel/account/keys/<key_id>/rotate"),
    ("DELETE", "/api/v1/bots/<bot_id>"),
    ("POST", "/panel/account/keys/<key_id>/revoke"),
    ("DELETE", "/api/v1/keys/<key_id>"),
    ("DELETE", "/api/v1/people/<int:telegram_id>"),
    ("POST", "/panel/bots/<int:bot_id>/people/<int:telegram_id>/copy"),
    ("POST", "/panel/bots/<int:bot_id>/people/<int:telegram_id>/erase"),
    ("POST", "/panel/admin/data/delete"),
    ("POST", "/panel/admin/system/mend"),
    ("POST", "/panel/admin/backups"),
    ("POST", "/panel/admin/backups/verify"),
    ("DELETE", "/api/v1/redirect-pools/<int:pool_id>"),
    ("DELETE", "/api/redirect-pools/<int:pool_id>"),
    ("PUT", "/api/v1/bots/<bot_id>/token"),
    ("POST", "/api/v1/bots/<bot_id>/worker"),
    ("DELETE", "/api/v1/bots/<bot_id>/worker"),
    ("PATCH", "/api/v1/bots/<bot_id>/worker"),
    ("POST", "/api/v1/bots/<bot_id>/worker/token"),
    ("DELETE", "/bots/<bot_id>"),
    ("POST", "/api/v1/bots/<bot_id>/token/rotation"),
    ("POST", "/panel/admin/managed-bots/<telegram_bot_id>/adopt"),
    ("POST", "/panel/admin/managed-bots/<telegram_bot_id>/let-go"),
    ("POST", "/panel/account/two-step/app"),
    ("POST", "/panel/account/two-step/on"),
    ("POST", "/panel/account/telegram"),
    ("POST", "/panel/confirmations/<request_id>/approve"),
    ("POST", "/api/v1/account/telegram-link"),
    ("POST", "/api/v1/account/invitations"),
    ("POST", "/api/v1/queues/<queue>/empty"),
    ("POST", "/api/v1/queues/outboxes/<bot_id>/drop"),
}
SAFE = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(Platform(settings_for(tmp_path_factory.mktemp("routes"))))


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def test_every_route_declares_its_access(app: Flask) -> None:
    undeclared = [
        rule.rule for rule in rules(app) if declared(app.view_functions[rule.endpoint]) not in KNOWN
    ]
    assert undeclared == []


def test_public_routes_are_the_known_few(app: Flask) -> None:
    public = {rule.rule for rule in rules(app) if declared(app.view_functions[rule.endpoint]) == PUBLIC}
    assert public == PUBLIC_ROUTES
    signed = {rule.rule for rule in rules(app) if declared(app.view_functions[rule.endpoint]) == BY_SIGNATURE}
    assert signed == {"/payments/<path_id>"}


def test_under_api_only_scopes_let_in_and_a_worker_s_token_to_its_own_work(app: Flask) -> None:
    wrong = {
        rule.rule: declared(app.view_functions[rule.endpoint])
        for rule in rules(app)
        if rule.rule.startswith("/api/")
        and rule.rule not in PUBLIC_ROUTES
        and declared(app.view_functions[rule.endpoint])
        not in ({BY_WORKER} if rule.rule.startswith("/api/v1/runtime/") else set(Scope))
    }
    assert wrong == {}


def test_what_changes_something_needs_more_than_the_scope_read(app: Flask) -> None:
    wrong = [
        rule.rule
        for rule in rules(app)
        if declared(app.view_functions[rule.endpoint]) == Scope.READ and (rule.methods or set()) - SAFE
    ]
    assert wrong == []


def test_the_password_protects_what_cannot_be_taken_back_or_lets_others_in(app: Flask) -> None:
    protected = {
        (method, rule.rule)
        for rule in rules(app)
        for method in (rule.methods or set()) - SAFE
        if wanted_freshness(app.view_functions[rule.endpoint]) is not None
    }
    assert protected == PROTECTED_BY_THE_PASSWORD


def test_nothing_secret_is_kept_in_the_address_of_the_form_to_come_back_to(app: Flask) -> None:
    kept = [wanted_freshness(app.view_functions[rule.endpoint]) for rule in rules(app)]
    assert {name for fresh in kept if fresh for name in fresh.keep} == {
        "name",
        "expires_days",
        "scopes",
        "email",
    }


def test_views_are_thin(app: Flask) -> None:
    """At most 20 lines of body below the docstring: a view parses and renders."""
    fat = {}
    for view in app.view_functions.values():
        function = inspect.unwrap(view)
        if str(ROOT) in (inspect.getsourcefile(function) or "") and "site-packages" not in (
            inspect.getsourcefile(function) or ""
        ):
            lines = len(inspect.getsource(function).splitlines())
            if lines > 26:  # 20 and the decorators, signature and docstring
                fat[f"{function.__module__}.{function.__qualname__}"] = lines
    assert fat == {}
