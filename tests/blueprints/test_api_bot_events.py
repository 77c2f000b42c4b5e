"""What happened to a bot, over the API: in words, in one order of time, nothing of others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from models import Account, AuditEvent, Bot, PoolBot, PoolBotTransition, RedirectPool
from services.platform.accounts.principal import audit
from services.platform.accounts.trail import note
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, make_account, make_key
from tools.servers.fleet import add_bot

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def owner(platform: Platform, bot: Bot) -> Account:
    with platform.database.reading() as session:
        return session.get_one(Account, bot.account_id)


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35}, ())


@pytest.fixture
def _events(platform: Platform, owner: Account, bot: Bot) -> None:
    """At two moments, at each of them two of both sorts."""
    kinds = ["bot_registered", "bot_stopped", "plugin_store_cleared", "kind_of_a_newer_release"]
    with platform.database.transaction() as session:
        pool = RedirectPool(account_id=owner.id, name="Red", slug="red")
        session.add(pool)
        session.flush()
        member = PoolBot(pool_id=pool.id, bot_id=bot.id)
        session.add(member)
        session.flush()
        for number, kind in enumerate(kinds):
            actor = ("command", f"account:{owner.id}", "key:ab12", "system:sweep")[number]
            at, details = NOON + timedelta(minutes=number // 2), {"plugin": "shop"}
            common = {"account_id": owner.id, "bot_id": bot.id, "actor": actor, "at": at}
            note(session, AuditEvent(kind=kind, details=details, ip="192.0.2.1", **common))
        for number in range(4):
            session.add(
                PoolBotTransition(
                    pool_bot_id=member.id,
                    from_status="online",
                    to_status="offline",
                    cause="delivery",
                    at=NOON + timedelta(minutes=number // 2),
                )
            )
        audit(session, caller_of(owner), "bot_started", bot_id=bot.id + 1)


@pytest.mark.data
@pytest.mark.usefixtures("_events")
def test_pages_of_any_length_show_each_event_once_newest_first(
    client: FlaskClient, platform: Platform, owner: Account, bot: Bot
) -> None:
    headers, path = make_key(platform, owner), f"/api/v1/bots/{bot.id}/events"
    whole = client.get(path, headers=headers).get_json()["items"]
    assert [each["at"] for each in whole] == sorted((each["at"] for each in whole), reverse=True)
    assert len(whole) == 8
    for limit in (1, 3, 8):
        found, cursor = [], ""
        while cursor is not None:
            page = client.get(
                path, query_string={"limit": limit, "cursor": cursor}, headers=headers
            ).get_json()
            found += page["items"]
            cursor = page["next"]
        assert found == whole
    states = client.get(f"{path}?kind=member_state", headers=headers).get_json()["items"]
    assert [each["details"] for each in states] == 4 * [
        {"from": "online", "to": "offline", "cause": "delivery"}
    ]
    assert {each["pool"] for each in states} == {"Red"}
    for wrong in ("cursor=5", "cursor=1c2", "kind=no_such_kind", "limit=0"):
        assert client.get(f"{path}?{wrong}", headers=headers).status_code == 422
    stranger = make_key(platform, make_account(platform, "stranger@example.com"))
    assert client.get(path, headers=stranger).status_code == 404


@pytest.mark.usefixtures("_events")
def test_events_are_told_in_the_readers_language_with_who_did_it(
    client: FlaskClient, platform: Platform, owner: Account, bot: Bot
) -> None:
    def told(language: str) -> list[tuple[str, str]]:
        headers = {**make_key(platform, owner), "Accept-Language": language}
        items = client.get(f"/api/v1/bots/{bot.id}/events", headers=headers).get_json()["items"]
        return [(each["text"], each["by"]) for each in items if each["kind"] != "member_state"]

    assert told("en") == [
        ("kind_of_a_newer_release", "Flotilla"),
        ("Store of plugin shop cleared", "API key ab12"),
        ("Bot stopped", owner.email),
        ("Bot added", "Command line"),
    ]
    assert told("pt-BR") == [
        ("kind_of_a_newer_release", "Flotilla"),
        ("Armazenamento do plugin shop limpo", "Chave de API ab12"),
        ("Bot parado", owner.email),
        ("Bot adicionado", "Linha de comando"),
    ]
