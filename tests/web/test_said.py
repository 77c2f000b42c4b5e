"""Nothing that a service says reaches a Portuguese reader in English; programs get the language they ask for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from models import Account, Bot, DeadLetter, Notification
from services.alerts.notifications.kinds import Kind
from services.core.sentences.saying import KNOWN, PLACE
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, csrf_token, make_account, make_key, sign_in
from tests.services.fleet.pools.fleet import new_bot, new_pool

REASONS = (
    "Telegram does not accept this token (Unauthorized); get a valid one from @BotFather",
    "Cannot reach the Bot API server at http://api.example: refused",
    "The Bot API server did not answer in time",
    "Telegram failed: HTTP 502",
)
PAGES = (
    "",
    "/bots",
    "/bots/{bot}",
    "/pools",
    "/pools/{pool}",
    "/pools/{pool}/waves",
    "/notifications",
    "/dead-letters",
    "/account",
)
LIVE = ("overview", "bots", "bots/{bot}", "pools", "pools/{pool}", "notifications", "dead-letters")
# (method, path, body): each is refused with a sentence of a service.
PROBLEMS: tuple[tuple[str, str, Any], ...] = (
    ("POST", "redirect-pools", {"name": "x" * 101, "slug": "abc"}),
    ("POST", "redirect-pools", {"name": "P", "slug": "!"}),
    ("POST", "redirect-pools", {"name": "P", "slug": "api"}),
    ("POST", "redirect-pools", {"name": "P", "slug": "red1"}),
    ("POST", "redirect-pools", {"name": "P", "slug": "red2", "colour": 1}),
    ("POST", "redirect-pools", {"name": "P", "slug": "red2", "strategy": "best"}),
    ("POST", "redirect-pools", {"slug": "red2"}),
    ("POST", "redirect-pools", []),
    ("PATCH", "redirect-pools/{pool}", {"rate_limit_per_minute": -1}),
    ("PATCH", "redirect-pools/{pool}", {"rate_limit_per_minute": "many"}),
    ("PATCH", "redirect-pools/{pool}", {"is_active": "perhaps"}),
    ("POST", "redirect-pools/{pool}/bots", {"bot_id": "bot_none"}),
    ("POST", "redirect-pools/{pool}/wave/revert", {}),
    ("GET", "redirect-pools/987654", None),
    ("GET", "redirect-pools/{pool}/analytics?from=x", None),
    ("GET", "redirect-pools/{pool}/waves/987654", None),
    ("GET", "bots?limit=x", None),
    ("POST", "bots", {"token": "no token"}),
    ("PUT", "bots/{bot}/plugins", {"plugins": [{"name": "nothing"}]}),
    ("POST", "notification-destinations", {"kind": "email", "address": "nobody"}),
    ("POST", "dead-letters/discard", {"ids": [1], "reason": " "}),
    ("POST", "dead-letters/replay", {}),
)


def english() -> re.Pattern[str]:
    """Any sentence of a service as it is written; filled places match anything short. Single words prove nothing."""
    whole = (text for text in KNOWN if len(PLACE.sub("", text).split()) >= 3)
    return re.compile("|".join(".{0,80}?".join(map(re.escape, PLACE.split(text)[::2])) for text in whole))


@pytest.fixture
def ids(platform: Platform, client: FlaskClient) -> dict[str, int]:
    """A Portuguese owner, signed in, with a failing bot in a pool."""
    account = make_account(platform)
    bot = new_bot(platform, caller_of(account)).id
    pool = new_pool(platform, caller_of(account), "red1", 1).id
    sign_in(client)
    fail(platform, account, REASONS[0])
    return {"bot": bot, "pool": pool, "account": account.id}


def fail(platform: Platform, account: Account, reason: str) -> None:
    with platform.database.transaction() as session:
        session.execute(update(Bot).values(status="failed", status_reason=reason))
        params = {"bot": "x_bot", "reason": reason}
        key = f"said:{reason}"[:100]
        session.add(
            Notification(
                account_id=account.id, kind=Kind.BOT_FAILED, level="warning", dedupe_key=key, params=params
            )
        )


def ask(client: FlaskClient, ids: dict[str, int], at: int, headers: dict[str, str]) -> TestResponse:
    method, path, body = PROBLEMS[at]
    return client.open(f"/api/v1/{path.format(**ids)}", method=method, json=body, headers=headers)


def test_the_portuguese_panel_shows_no_english_sentence_of_a_service(
    client: FlaskClient, platform: Platform, ids: dict[str, int]
) -> None:
    pattern, found = english(), []
    for reason in REASONS:
        with platform.database.transaction() as session:
            session.execute(update(Bot).values(status_reason=reason))
        for page in (*(f"/panel{path}" for path in PAGES), *(f"/panel/live/{path}" for path in LIVE)):
            answer = client.get(page.format(**ids))
            assert answer.status_code == 200, page
            text = answer.get_json() if answer.is_json else answer.text
            found += [(page, hit.group()) for hit in pattern.finditer(str(text))]
    assert found == []
    assert pattern.search(f"… {REASONS[0]} …"), "the pattern finds what it looks for"


def test_problems_of_the_panel_are_told_in_portuguese(client: FlaskClient, ids: dict[str, int]) -> None:
    token = {"X-CSRFToken": csrf_token(client, "/panel/account")}
    pattern = english()
    for at, (method, path, body) in enumerate(PROBLEMS):
        answer = ask(client, ids, at, token)
        assert answer.status_code >= 400, (method, path, body)
        detail = answer.get_json()["detail"]
        assert not pattern.search(detail), (path, detail)


def test_a_program_gets_the_language_it_asks_for_and_english_without(
    client: FlaskClient, platform: Platform, ids: dict[str, int]
) -> None:
    client.delete_cookie("session")
    with platform.database.reading() as session:
        key = make_key(platform, session.get_one(Account, ids["account"]))
    program = client.application.test_client()
    for asked, said in (
        ({}, "There is no such ban wave"),
        ({"Accept-Language": "en"}, "There is no such ban wave"),
        ({"Accept-Language": "pt-BR,pt;q=0.9"}, "Esta onda de banimento não existe"),
    ):
        path = f"/api/v1/redirect-pools/{ids['pool']}/waves/987654"
        assert program.get(path, headers={**key, **asked}).get_json()["detail"] == said
        reason = program.get(f"/api/v1/bots/{ids['bot']}", headers={**key, **asked}).get_json()[
            "status_reason"
        ]
        assert reason.startswith(
            "O Telegram não aceita" if "pt" in asked.get("Accept-Language", "") else "Telegram does"
        )


def test_why_a_replay_never_ran_is_told_in_the_reader_s_language(
    client: FlaskClient, platform: Platform, ids: dict[str, int]
) -> None:
    why = "The bot is stopped; start it and replay again"
    with platform.database.transaction() as session:
        letter = DeadLetter(
            account_id=ids["account"], kind="update", source_id="u:1", error_id="E1", error="x"
        )
        letter.fingerprint = "f" * 32
        letter.timeline = [{"at": "2026-11-20T10:00:00Z", "error": why, "replay": 1}]
        session.add(letter)
    shown = client.get(f"/api/v1/dead-letters/{letter.id}").get_json()
    assert shown["timeline"][0]["error"] == "O bot está parado; inicie-o e reenvie"
