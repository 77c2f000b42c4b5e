"""What the pool's page and the cards show of layers, verdicts and a ban wave."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from blueprints.panel.texts import script_texts
from models import Account, BanWave, BanWaveMove, Bot, Conversion, MemberStatus, PoolBot, RedirectPool
from services.core.times import utc_now
from services.fleet.health.delivery import DeliveryCause, DeliveryState
from services.fleet.pools.fields import NewPool
from services.fleet.pools.pools import create_pool
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, csrf_token, make_account, sign_in

pytestmark = pytest.mark.data


@pytest.fixture
def owner(platform: Platform, client: FlaskClient) -> Account:
    """An account, signed in."""
    account = make_account(platform)
    sign_in(client)
    return account


def add_pool(platform: Platform, account: Account, *statuses: MemberStatus) -> RedirectPool:
    """A pool with a member of each status, their bots being bot1, bot2 …"""
    pool = create_pool(platform, caller_of(account), NewPool(name="Pool", slug="red1"))
    with platform.database.transaction() as session:
        for number, status in enumerate(statuses, 1):
            bot = Bot(
                account_id=account.id,
                public_id=f"bot_{number:012x}",
                telegram_bot_id=1000 + number,
                username=f"bot{number}",
                sealed_token="sealed",
                mode="polling",
                path_id=f"path-{number}",
                plugins=[],
            )
            session.add(bot)
            session.flush()
            session.add(PoolBot(pool_id=pool.id, bot_id=bot.id, status=status))
    return pool


def members_of(platform: Platform, pool: RedirectPool) -> list[PoolBot]:
    with platform.database.reading() as session:
        return session.query(PoolBot).where(PoolBot.pool_id == pool.id).order_by(PoolBot.bot_id).all()


def live(client: FlaskClient, path: str) -> Any:
    answer = client.get(f"/panel/live/pools{path}")
    assert answer.status_code == 200
    return answer.json


def suspect(platform: Platform, member: PoolBot) -> None:
    """Give a member seven usual days and a run of misses at its limit."""
    with platform.database.transaction() as session:
        row = Conversion(
            pool_bot_id=member.id,
            judged_until=utc_now(),
            run=70,
            verdict="suspect",
            verdict_at=utc_now(),
            clicks=10_000,
            starts=3_000,
            busiest_hour=400,
        )
        session.add(row)


def test_the_three_layers_of_a_member_are_shown_apart(
    client: FlaskClient, platform: Platform, owner: Account
) -> None:
    pool = add_pool(platform, owner, MemberStatus.SUSPECT, MemberStatus.OFFLINE)
    suspect(platform, members_of(platform, pool)[0])
    shown = live(client, f"/{pool.id}")["status"]["members"]
    on_cards = live(client, "")["pools"][0]["members"]
    for members in (shown, on_cards):
        states = [{name: layer["state"] for name, layer in one["layers"].items()} for one in members]
        assert states == [
            {"identity": "online", "delivery": "unknown", "conversion": "suspect"},
            {"identity": "offline", "delivery": "unknown", "conversion": "unknown"},
        ]
    conversion = shown[0]["layers"]["conversion"]
    assert (conversion["baseline"], conversion["run"], conversion["matured_clicks"]) == (0.3, 70, 10_000)
    assert 0 < conversion["run_limit"] <= 70


def test_a_ban_wave_names_whom_it_took_and_who_stepped_in_until_it_is_reverted(
    client: FlaskClient, platform: Platform, owner: Account
) -> None:
    pool = add_pool(platform, owner, MemberStatus.BANNED, MemberStatus.ONLINE, MemberStatus.ONLINE)
    assert live(client, f"/{pool.id}")["wave"] is None
    began = utc_now()
    banned, back, spare = members_of(platform, pool)
    with platform.database.transaction() as session:
        wave = BanWave(account_id=owner.id, pool_id=pool.id, began_at=began)
        for member, step in ((banned, "lost"), (back, "lost"), (back, "back"), (spare, "promoted")):
            name = f"bot{member.bot_id}"
            wave.moves.append(BanWaveMove(at=began, step=step, bot_id=member.bot_id, username=name))
        session.add(wave)
        row = session.get(RedirectPool, pool.id)
        assert row is not None
        row.wave_at = began
        promoted = session.get(PoolBot, spare.id)
        assert promoted is not None
        promoted.promoted_at = began
    wave = live(client, f"/{pool.id}")["wave"]
    assert live(client, f"/{pool.id}/waves/{wave['id']}")["is_standing"] is True
    assert wave["lost"] == [banned.bot_id, back.bot_id]
    assert wave["promoted"] == [spare.bot_id]
    assert live(client, "")["pools"][0]["wave_at"] == wave["at"]
    token = {"X-CSRFToken": csrf_token(client, "/panel/account")}
    answer = client.post(f"/api/v1/redirect-pools/{pool.id}/wave/revert", json={}, headers=token)
    assert answer.json == {"reverted": 1}
    assert live(client, f"/{pool.id}")["wave"] is None
    assert live(client, "")["pools"][0]["wave_at"] is None


def test_the_page_leads_from_its_bots_to_the_explained_clicks(
    client: FlaskClient, platform: Platform, owner: Account
) -> None:
    pool = add_pool(platform, owner, MemberStatus.ONLINE)
    target = f"/panel/pools/{pool.id}/analytics"
    assert f'href="{target}#clicks-title"' in client.get(f"/panel/pools/{pool.id}").text
    assert 'id="clicks-title"' in client.get(target).text


def test_every_state_and_cause_of_a_layer_has_its_words(client: FlaskClient, owner: Account) -> None:
    with client.application.test_request_context():
        known = script_texts()
    wanted = {f"layer.state.{state}" for state in DeliveryState}
    wanted |= {f"cause.{cause}" for cause in DeliveryCause}
    wanted |= {f"status.{status}" for status in MemberStatus}
    wanted |= {f"why.{status}" for status in ("offline", "banned", "checking", "suspect")}
    assert wanted - set(known) == set()


def test_the_pages_of_waves_are_linked_and_an_empty_list_teaches(
    client: FlaskClient, platform: Platform, owner: Account
) -> None:
    pool = add_pool(platform, owner, MemberStatus.ONLINE)
    page = f"/panel/pools/{pool.id}/waves"
    assert f'href="{page}"' in client.get(f"/panel/pools/{pool.id}").text
    empty = client.get(page).text
    assert "a prioridade “Reserva”" in empty
    with platform.database.transaction() as session:
        wave = BanWave(account_id=owner.id, pool_id=pool.id, began_at=utc_now())
        wave.moves.append(
            BanWaveMove(at=utc_now(), step="lost", bot_id=1, username="gone_bot", cause="frozen")
        )
        session.add(wave)
    listed = client.get(page).text
    assert f'href="{page}/{wave.id}"' in listed
    assert "@gone_bot" in listed
    assert client.get(f"{page}/{wave.id}").status_code == 200
    assert client.get(f"{page}/{wave.id + 1}").status_code == 404
