"""Nothing that a service says reaches a Portuguese reader in English; programs get the language they ask for."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from babel.messages.pofile import read_po
from flask.testing import FlaskClient
from sqlalchemy import text, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models import Account, Bot, DeadLetter, Notification, PoolBot
from services.alerts.notifications.kinds import Kind
from services.core.errors import TokenRejected
from services.core.i18n import TRANSLATIONS, Text
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, csrf_token, make_account, make_key, sign_in, submit
from tests.services.fleet.pools.fleet import new_bot, new_pool

REASONS = (
    TokenRejected(
        Text("Telegram rejects this token ({status}); get a valid one from @BotFather", status=401)
    ).text,
    Text(
        "{trouble}; it is tried again",
        trouble=Text(
            "Cannot reach the Bot API server at {url}: {reason}", url="http://api.example", reason="refused"
        ),
    ),
    Text("The Bot API server did not answer in time"),
    Text("Telegram failed: {reason}", reason="HTTP 502"),
)
PLACE = re.compile(r"\{\w+\}|%\(\w+\)s")
PAGES = (
    "",
    "/bots",
    "/bots/{bot}",
    "/pools",
    "/pools/{pool}",
    "/pools/{pool}/waves",
    "/lifeboat",
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


@cache
def english() -> tuple[str, ...]:
    """Of each text as it is written the longest piece between its places. Single words prove nothing."""
    with (TRANSLATIONS / "pt_BR/LC_MESSAGES/messages.po").open("rb") as file:
        known = [(str(message.id), str(message.string)) for message in read_po(file)]
    pieces = (max(PLACE.split(written), key=len) for written, said in known if written != said)
    return tuple(piece for piece in pieces if len(piece.split()) >= 3)


def untranslated(shown: object) -> list[str]:
    """The pieces of English in an answer."""
    return [piece for piece in english() if piece in str(shown)]


@pytest.fixture
def ids(platform: Platform, client: FlaskClient) -> dict[str, int]:
    """A Portuguese owner, signed in, with a failing bot in a pool."""
    account = make_account(platform)
    bot = new_bot(platform, caller_of(account)).id
    pool = new_pool(platform, caller_of(account), "red1", 1).id
    sign_in(client)
    fail(platform, account, REASONS[0])
    return {"bot": bot, "pool": pool, "account": account.id}


def fail(platform: Platform, account: Account, reason: Text) -> None:
    with platform.database.transaction() as session:
        session.execute(update(Bot).values(status="failed", status_reason=reason))
        params = {"bot": "x_bot", "reason": reason}
        key = f"told:{reason}"[:100]
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
    for reason in REASONS:
        with platform.database.transaction() as session:
            session.execute(update(Bot).values(status_reason=reason))
        for page in (*(f"/panel{path}" for path in PAGES), *(f"/panel/live/{path}" for path in LIVE)):
            answer = client.get(page.format(**ids))
            assert answer.status_code == 200, page
            shown = answer.get_json() if answer.is_json else answer.text
            assert str(reason) not in str(shown), page
            assert untranslated(shown) == [], page
    assert untranslated(f"… {REASONS[0]} …"), "it finds what it looks for"


def test_problems_of_the_panel_are_told_in_portuguese(client: FlaskClient, ids: dict[str, int]) -> None:
    token = {"X-CSRFToken": csrf_token(client, "/panel/account")}
    for at, (method, path, body) in enumerate(PROBLEMS):
        answer = ask(client, ids, at, token)
        assert answer.status_code >= 400, (method, path, body)
        detail = answer.get_json()["detail"]
        assert untranslated(detail) == [], (path, detail)


def test_a_form_that_is_refused_says_why_in_the_reader_s_language(
    client: FlaskClient, ids: dict[str, int]
) -> None:
    refused = submit(client, "/panel/account", "/panel/account/keys", name="x" * 101, scopes="read")
    assert "O nome pode ter no máximo" in refused.text
    english = client.application.test_client()
    english.set_cookie("flotilla_locale", "en")
    assert "E-mail or password is wrong" in sign_in(english, password="not this one").text


def test_a_program_gets_the_language_it_asks_for_and_english_without(
    client: FlaskClient, platform: Platform, ids: dict[str, int]
) -> None:
    with platform.database.reading() as session:
        key = make_key(platform, session.get_one(Account, ids["account"]))

    def told(headers: dict[str, str]) -> tuple[str, str]:
        wave = client.get(f"/api/v1/redirect-pools/{ids['pool']}/waves/987654", headers=headers)
        bot = client.get(f"/api/v1/bots/{ids['bot']}", headers=headers)
        return wave.get_json()["detail"], bot.get_json().get("status_reason", "")[:21]

    portuguese = ("Esta onda de banimentos não existe", "O Telegram rejeita es")
    assert told({}) == portuguese, "a person in the panel"
    client.delete_cookie("flotilla")
    assert told({})[0] == "Sign in, or send an API key as Authorization: Bearer flk_…", (
        "the cookie was the person"
    )
    assert (
        told(key)
        == told({**key, "Accept-Language": "en"})
        == (
            "There is no such ban wave",
            "Telegram rejects this",
        )
    )
    assert told({**key, "Accept-Language": "pt-BR,pt;q=0.9"}) == portuguese


def test_a_reason_that_a_former_release_stored_as_a_finished_sentence_is_still_shown(
    client: FlaskClient, platform: Platform, ids: dict[str, int]
) -> None:
    old = "Telegram failed: {HTTP 502}; it is tried again"
    with platform.database.transaction() as session:
        session.execute(text("UPDATE bots SET status_reason = :old"), {"old": old})
        row = Notification(account_id=ids["account"], kind=Kind.BOT_FAILED, level="warning", dedupe_key="old")
        row.params = {"bot": "x_bot", "reason": old}
        session.add(row)
    assert client.get(f"/api/v1/bots/{ids['bot']}").get_json()["status_reason"] == old
    newest = client.get("/api/v1/notifications").get_json()["items"][0]
    assert newest["text"] == f"⚠️ Bot @x_bot parou: {old}"


def test_why_a_replay_never_ran_and_why_a_check_failed_is_told_in_the_reader_s_language(
    client: FlaskClient, platform: Platform, ids: dict[str, int]
) -> None:
    why = Text("The bot is stopped; start it and replay again")
    with platform.database.transaction() as session:
        letter = DeadLetter(
            account_id=ids["account"], kind="update", source_id="u:1", error_id="E1", error="x"
        )
        letter.fingerprint = "f" * 32
        letter.timeline = [{"at": "2026-11-20T10:00:00Z", "error": why, "replay": 1}]
        session.add(letter)
        add_member(session, ids["pool"], ids["bot"])
    shown = client.get(f"/api/v1/dead-letters/{letter.id}").get_json()
    assert shown["timeline"][0]["error"] == "O bot está parado; inicie-o e reenvie"
    failures = client.get(f"/api/v1/redirect-pools/{ids['pool']}/failures").get_json()["items"]
    assert failures[0]["detail"] == "getMe respondeu por outro bot"


def add_member(session: Session, pool_id: int, bot_id: int) -> None:
    failure = {
        "at": "2026-11-20T10:00:00Z",
        "cause": "garbage",
        "detail": Text("getMe answered for another bot"),
    }
    session.add(PoolBot(pool_id=pool_id, bot_id=bot_id, last_failures=[failure]))
