"""The list of bots: what the filter finds, trouble first, a page at a time, three queries for any number of bots."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from models import MemberStatus
from services.core.i18n import Text
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics import bots as module
from services.reporting.analytics.bots import BotFilter, BotsPage, list_page
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool

pytestmark = pytest.mark.data


@pytest.fixture
def owner(platform: Platform) -> Principal:
    """Six bots: two of a pool, of which one is banned; one failed, one stopped, two well."""
    who = new_account(platform)
    new_pool(platform, who, "verão", [{"status": MemberStatus.ONLINE}, {"status": MemberStatus.BANNED}])
    new_bot(platform, who, name="Loja São João", tags=["br", "vip"], status="running")
    new_bot(platform, who, name="Second", tags=["br"], status="running")
    new_bot(platform, who, name="Third", status="failed", status_reason=Text("why"))
    new_bot(platform, who, name="Fourth", status="stopped", desired_running=False)
    stranger = new_account(platform)
    new_bot(platform, stranger, name="Loja São João", tags=["br"], status="failed")
    return who


def found(platform: Platform, owner: Principal, **wanted: Any) -> BotsPage:
    return list_page(platform, owner, BotFilter(**wanted))


def test_trouble_comes_first_and_the_rest_oldest_first(platform: Platform, owner: Principal) -> None:
    page = found(platform, owner)
    first, second, *rest = page.bots
    assert (first["pools"][0]["name"], second["name"]) == ("verão", "Third")
    assert [bot["id"] for bot in rest] == sorted(bot["id"] for bot in rest)
    assert (page.total, len(page.ids), page.pages) == (6, 6, 1)
    assert page.states == {"trouble": 2, "banned": 1, "created": 1, "running": 2, "failed": 1, "stopped": 1}
    assert page.tags == {"br": 2, "vip": 1}
    assert (first["state"], first["status"]) == ("banned", "created")


def test_conditions_are_joined_and_nobody_elses_bot_is_found(platform: Platform, owner: Principal) -> None:
    cases: list[tuple[dict[str, Any], int]] = [
        ({"words": "sao joao"}, 1),
        ({"words": "SÃO  loja"}, 1),
        ({"words": "@fleet_ bot"}, 6),
        ({"words": "verao"}, 2),
        ({"words": "vip"}, 1),
        ({"words": "no such"}, 0),
        ({"state": "trouble"}, 2),
        ({"state": "running"}, 2),
        ({"state": "running", "tag": "br"}, 2),
        ({"tag": "vip", "words": "loja"}, 1),
        ({"tag": "nope"}, 0),
        ({"pool_id": 987654}, 0),
    ]
    for wanted, count in cases:
        page = found(platform, owner, **wanted)
        assert len(page.ids) == len(page.bots) == count, wanted
        assert page.total == 6


def test_a_page_has_its_rows_and_all_ids_and_beyond_the_last_is_the_last(
    platform: Platform, owner: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 4)
    whole = found(platform, owner)
    second = found(platform, owner, page=2)
    assert ([len(whole.bots), len(second.bots)], whole.pages) == ([4, 2], 2)
    assert [bot["id"] for bot in whole.bots + second.bots] == whole.ids == second.ids
    assert found(platform, owner, page=99) == second


def test_more_bots_cost_no_more_queries(platform: Platform, owner: Principal) -> None:
    said: list[str] = []
    event.listen(platform.database.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    found(platform, owner)
    few = len(said)
    new_pool(platform, owner, "more", 20)
    said.clear()
    assert len(found(platform, owner).bots) == 26
    assert len(said) == few
