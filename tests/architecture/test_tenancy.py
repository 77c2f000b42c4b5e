"""Two tenants on every route with an id: what belongs to the other one is not there.

The crawler walks the URL map, so a new route is covered on the day it appears; an id it does not know fails it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import product
from zipfile import ZipFile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app import create_app
from models import (
    Account,
    AuditEvent,
    BanWave,
    Base,
    Bot,
    BotWorker,
    Broadcast,
    Click,
    Experiment,
    NotificationDestination,
    PoolBot,
    PoolSlug,
    RedirectPool,
    StoredFile,
)
from services.core.times import utc_now
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.api_keys import create_key
from services.platform.accounts.principal import Scope
from services.platform.accounts.sessions import authenticate, resume_session
from services.platform.platform import Platform
from tests.architecture.belongings import asked_in_chat, letter_of, of_conversations, of_money
from tests.architecture.bodies import BODIES
from tests.blueprints.people import PASSWORD, csrf_token, make_account, make_key, sign_in
from web.access import SIGNED_IN, declared

NOWHERE = {
    **dict.fromkeys(("destination_id", "account_id", "bot_id", "pool_id", "key_id", "session_id"), "987654"),
    "click_id": "0nobodys0000",
    "letter_id": "987654",
    **dict.fromkeys(("wave_id", "experiment_id", "file_id", "person_id", "request_id", "flow_id"), "987654"),
    **dict.fromkeys(("segment_id", "change_id", "conversation_id", "broadcast_id"), "987654"),
    **dict.fromkeys(("postback_id", "webhook_id", "import_id", "rate_id", "media_id"), "987654"),
}
# Variables that are nobody's: words, numbers of Telegram's, and jobs, which admins alone reach.
WORDS = ("telegram_id", "telegram_bot_id", "queue", "job_id")
PLAIN = {"list_name": "blocked", "lease": "0-1", "name": "x", "number": "1", **dict.fromkeys(WORDS, "5")}
# Routes whose variable is no id of a tenant's thing.
NO_TENANT = ("/go/", "/webhook/", "/botapi/", "/static/", "/texts/", "/status/", "/payments/")


@dataclass(frozen=True)
class Tenant:
    """An account with one of everything that has an id; `ids` is by the name of the URL variable."""

    account: Account
    ids: dict[str, tuple[str, ...]]


@pytest.fixture
def app(platform: Platform) -> Flask:
    return create_app(platform)


@pytest.fixture
def stranger(platform: Platform) -> Tenant:
    """Whose things are tried for."""
    return furnish(platform, make_account(platform, "stranger@example.com"), 1)


@pytest.fixture
def me(platform: Platform) -> Tenant:
    """Who tries."""
    return furnish(platform, make_account(platform, "me@example.com"), 2)


def furnish(platform: Platform, account: Account, number: int) -> Tenant:
    """Give `account` a bot in a pool, a key and a session."""
    with platform.database.transaction() as session:
        bot = Bot(
            account_id=account.id,
            public_id=f"bot_{number:012x}",
            telegram_bot_id=10_000 + number,
            username=f"tenant{number}_bot",
            sealed_token="sealed",
            mode="webhook",
            path_id=f"path{number}",
        )
        pool = RedirectPool(account_id=account.id, name=f"Pool {number}", slug=f"pool{number}")
        place = NotificationDestination(account_id=account.id, kind="telegram", address="1")
        session.add_all([bot, pool, place])
        session.flush()
        session.add_all([PoolSlug(slug=pool.slug, pool_id=pool.id), PoolBot(pool_id=pool.id, bot_id=bot.id)])
        click = Click(id=f"click{number:07d}", at=utc_now(), account_id=account.id, pool_id=pool.id)
        session.add(click)
        letter = letter_of(bot, number)
        session.add(letter)
        wave = BanWave(account_id=account.id, pool_id=pool.id, began_at=utc_now())
        experiment = Experiment(account_id=account.id, pool_id=pool.id, name=f"pool{number} split")
        file = _file(bot, number)
        broadcast = Broadcast(account_id=account.id, name=f"pool{number} news")
        session.add_all([wave, experiment, file, broadcast, BotWorker(bot_id=bot.id)])
        asked = asked_in_chat(session, account, number)
        more = of_conversations(session, account, bot) | of_money(session, account, number)
    key, _ = create_key(platform, command_principal(account))
    secret = authenticate(platform, account.email, PASSWORD, "", "")
    assert isinstance(secret, str)
    signed_in = resume_session(platform, secret, "")
    assert signed_in is not None
    return Tenant(
        account,
        {
            "bot_id": (str(bot.id), bot.public_id),
            "pool_id": (str(pool.id),),
            "key_id": (key.key_id,),
            "destination_id": (str(place.id),),
            "click_id": (click.id,),
            "letter_id": (str(letter.id),),
            **more,
            "wave_id": (str(wave.id),),
            "experiment_id": (str(experiment.id),),
            "broadcast_id": (str(broadcast.id),),
            "file_id": (str(file.id),),
            "person_id": (str(number),),
            "request_id": (asked.id,),
            "session_id": (str(signed_in.session_id),),
            "account_id": (str(account.id),),
        },
    )


def _file(bot: Bot, number: int) -> StoredFile:
    """A file that somebody sent to the bot."""
    facts = {
        "update_id": 1,
        "telegram_id": 5,
        "kind": "photo",
        "size": 1,
        "name": "photo",
        "file_unique_id": "1",
    }
    owner = {"account_id": bot.account_id, "bot_id": bot.id}
    return StoredFile(**owner, **facts, stored_name=f"{number:032x}", stored_at=utc_now())


def test_the_crawler_knows_every_id(app: Flask) -> None:
    assert {name for rule in _routes(app) for name in rule.arguments} <= {*NOWHERE, *PLAIN}


def test_over_the_api_another_s_id_is_answered_like_one_that_does_not_exist(
    app: Flask, platform: Platform, me: Tenant, stranger: Tenant
) -> None:
    before, key = _census(platform), make_key(platform, me.account)
    client, tried, wrong = app.test_client(), 0, []
    for rule, method in _tries(app, Scope):
        for values in _mixed(rule, me, stranger):
            foreign = _ask(client, rule, method, values, key)
            nothing = _ask(client, rule, method, {**values, **_only(NOWHERE, rule, values, me)}, key)
            tried += 1
            if foreign.status_code != 404 or _plain(foreign) != _plain(nothing):
                wrong.append((method, rule.rule, values, foreign.status_code, nothing.status_code))
    assert wrong == []
    assert tried > 20
    assert _census(platform) == {
        **before,
        "api_keys": before["api_keys"] + 1,
        "audit_events": before["audit_events"] + 1,
    }


def test_in_the_panel_another_s_id_is_not_found(
    app: Flask, platform: Platform, me: Tenant, stranger: Tenant
) -> None:
    client = app.test_client()
    sign_in(client, "me@example.com")
    headers = {"X-CSRFToken": csrf_token(client, "/panel/account")}
    before, tried, wrong = _census(platform), 0, []
    for rule, method in _tries(app, {SIGNED_IN}):
        for values in _mixed(rule, me, stranger):
            status = _ask(client, rule, method, values, headers).status_code
            tried += 1
            if status != 404:
                wrong.append((method, rule.rule, values, status))
    assert wrong == []
    assert tried > 5
    assert _census(platform) == before


def test_an_id_inside_a_body_reaches_nothing_of_others_either(
    app: Flask, platform: Platform, me: Tenant, stranger: Tenant
) -> None:
    client, key = app.test_client(), make_key(platform, me.account)
    mine = f"/api/v1/redirect-pools/{me.ids['pool_id'][0]}"
    for bot_id in stranger.ids["bot_id"]:
        assert client.post(f"{mine}/bots", json={"bot_id": bot_id}, headers=key).status_code == 404
    foreign_pool = int(stranger.ids["pool_id"][0])
    assert client.patch(mine, json={"fallback_pool_id": foreign_pool}, headers=key).status_code in (404, 422)
    rule = {"conditions": {"countries": ["BR"]}, "target_pool_id": foreign_pool}
    assert client.put(f"{mine}/rules", json={"rules": [rule]}, headers=key).status_code == 404
    for link, other in ((int(me.ids["pool_id"][0]), foreign_pool), (foreign_pool, int(me.ids["pool_id"][0]))):
        arms = [{"pool_id": link, "percent": 50}, {"pool_id": other, "percent": 50}]
        wanted = {"name": "x", "pool_id": link, "arms": arms}
        assert client.post("/api/v1/experiments", json=wanted, headers=key).status_code == 404
    before = client.get(mine, headers=key).json
    assert before is not None
    assert before.get("fallback_pool_id") is None


def test_lists_show_nothing_of_others(app: Flask, platform: Platform, me: Tenant, stranger: Tenant) -> None:
    client, key = app.test_client(), make_key(platform, me.account)
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and not rule.arguments and "GET" in (rule.methods or ()):
            text = _written(client.get(rule.rule, headers=key))
            assert "tenant1_bot" not in text, rule.rule
            assert "pool1" not in text, rule.rule
            assert stranger.ids["key_id"][0] not in text, rule.rule


def _written(answer: TestResponse) -> str:
    """The text of an answer; of a workbook that of its parts."""
    if not answer.data.startswith(b"PK"):
        return answer.text
    with ZipFile(BytesIO(answer.data)) as parts:
        return "".join(parts.read(name).decode() for name in parts.namelist())


def test_an_admin_reaches_others_things_and_leaves_a_trace(
    app: Flask, platform: Platform, stranger: Tenant
) -> None:
    admin = make_account(platform, "admin@example.com", admin=True)
    answer = app.test_client().get(
        f"/api/v1/bots/{stranger.ids['bot_id'][0]}", headers=make_key(platform, admin)
    )
    assert answer.status_code == 200
    with platform.database.reading() as session:
        trace = session.scalars(select(AuditEvent).where(AuditEvent.kind == "admin_access")).one()
    assert trace.account_id == stranger.account.id


def _routes(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if rule.arguments and not rule.rule.startswith(NO_TENANT):
            yield rule


def _tries(app: Flask, access: set[str] | type[Scope]) -> Iterator[tuple[Rule, str]]:
    for rule in _routes(app):
        if declared(app.view_functions[rule.endpoint]) in set(access):
            yield from ((rule, method) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))


def _mixed(rule: Rule, me: Tenant, stranger: Tenant) -> Iterator[dict[str, str]]:
    """Every mixture of own and foreign ids in which at least one is foreign."""
    names = sorted(rule.arguments - PLAIN.keys())
    plain = {name: PLAIN[name] for name in rule.arguments & PLAIN.keys()}
    numeric = {name for name in names if type(rule._converters[name]).__name__ == "IdConverter"}
    for owners in product((me, stranger), repeat=len(names)):
        if stranger in owners:
            choices = [
                [value for value in owner.ids[name] if name not in numeric or value.isdecimal()]
                for owner, name in zip(owners, names, strict=True)
            ]
            for values in product(*choices):
                yield {**plain, **dict(zip(names, values, strict=True))}


def _only(nowhere: dict[str, str], rule: Rule, values: dict[str, str], me: Tenant) -> dict[str, str]:
    """In place of each foreign id one that does not exist."""
    return {name: nowhere[name] for name in rule.arguments - PLAIN.keys() if values[name] not in me.ids[name]}


def _ask(
    client: FlaskClient, rule: Rule, method: str, values: dict[str, str], headers: dict[str, str]
) -> TestResponse:
    path = rule.rule
    for name, value in values.items():
        path = path.replace(f"<int:{name}>", value).replace(f"<{name}>", value)
    resource = rule.rule.removeprefix("/api").removeprefix("/v1")
    body = BODIES.get((method, resource), {}) if method in ("POST", "PUT", "PATCH") else None
    return client.open(path, method=method, json=body, headers=headers)


def _plain(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, str((answer.get_json(silent=True, force=True) or {}).get("code"))


def _census(platform: Platform) -> dict[str, int]:
    """Rows per table."""
    with platform.database.reading() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.tables.values()
        }
