"""Reverting a ban wave over the API."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import update

from models import BanWave, BanWaveMove, PoolBot, RedirectPool
from services.core.times import iso, utc_now
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, make_account, make_key
from tests.services.fleet.pools.fleet import new_bot

POOLS = "/api/v1/redirect-pools"


def test_a_wave_is_shown_and_reverted_by_its_owner_alone(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform, "one@example.com")
    key = make_key(platform, account)
    stranger = make_key(platform, make_account(platform, "two@example.com"))
    bot = new_bot(platform, caller_of(account)).id
    pool = client.post(POOLS, json={"name": "Red", "slug": "red1"}, headers=key).get_json()["id"]
    client.post(f"{POOLS}/{pool}/bots", json={"bot_id": bot}, headers=key)
    at = utc_now().replace(microsecond=0)
    with platform.database.transaction() as session:
        session.execute(update(PoolBot).values(priority=0, promoted_at=at))
        session.execute(update(RedirectPool).values(wave_at=at))

    shown = client.get(f"{POOLS}/{pool}/status", headers=key).get_json()
    assert (shown["wave_at"], shown["members"][0]["promoted_at"]) == (iso(at), iso(at))
    assert set(shown["members"][0]["layers"]) == {"identity", "delivery", "conversion"}
    assert client.post(f"{POOLS}/{pool}/wave/revert", headers=stranger).status_code == 404
    assert client.post(f"{POOLS}/{pool}/wave/revert", headers=key).get_json() == {"reverted": 1}
    again = client.post(f"{POOLS}/{pool}/wave/revert", headers=key)
    assert (again.status_code, again.get_json()["code"]) == (409, "no_wave")
    assert client.get(f"{POOLS}/{pool}/bots", headers=key).get_json()["items"][0]["priority"] == -1


def test_a_wave_s_timeline_is_read_over_the_api(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform, "one@example.com")
    key = make_key(platform, account)
    pool = client.post(POOLS, json={"name": "Red", "slug": "red1"}, headers=key).get_json()["id"]
    at = utc_now().replace(microsecond=0)
    with platform.database.transaction() as session:
        waves = [BanWave(account_id=account.id, pool_id=pool, began_at=at) for _ in range(3)]
        waves[2].moves.append(BanWaveMove(at=at, step="lost", bot_id=1, username="b1_bot", cause="frozen"))
        session.add_all(waves)
    first = client.get(f"{POOLS}/{pool}/waves?limit=2", headers=key).get_json()
    assert [item["id"] for item in first["items"]] == [waves[2].id, waves[1].id]
    rest = client.get(f"{POOLS}/{pool}/waves?cursor={first['next']}", headers=key).get_json()
    assert ([item["id"] for item in rest["items"]], rest["next"]) == ([waves[0].id], None)
    wave = client.get(f"{POOLS}/{pool}/waves/{waves[2].id}", headers=key).get_json()
    assert (wave["at"], wave["is_standing"]) == (iso(at), True)
    assert wave["events"][0]["kind"] == "lost"
    assert wave["minutes"][-1]["phase"] == "during"
    missing = client.get(f"{POOLS}/{pool}/waves/{waves[2].id + 1}", headers=key)
    assert (missing.status_code, missing.get_json()["code"]) == (404, "wave_not_found")
