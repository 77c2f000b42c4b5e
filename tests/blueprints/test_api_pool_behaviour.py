"""A pool's behaviour over the API: shown first, done by its plan, had by every follower, and edited nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from models import AuditEvent, Bot, BotPlugin, PoolBot
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key

Json = dict[str, Any]


class Shop:
    """An account with a pool and bots in it, spoken to over the API."""

    def __init__(self, platform: Platform, client: FlaskClient, email: str = "ana@example.com") -> None:
        self.platform, self.client = platform, client
        self.account = make_account(platform, email)
        self.key = make_key(platform, self.account)
        self.pool = self.ok("POST", "redirect-pools", {"name": "Shop", "slug": email[:3], "max_bots": 100})[
            "id"
        ]
        self.behaviour = f"redirect-pools/{self.pool}/behaviour"

    def bots(self, first: int, count: int, *, inside: bool = True) -> list[int]:
        """Bots that greet by their number."""
        with self.platform.database.transaction() as session:
            bots = [
                Bot(
                    account_id=self.account.id,
                    public_id=f"bot_{number:012x}",
                    telegram_bot_id=number,
                    username=f"shop{number}_bot",
                    sealed_token="-",
                    mode="polling",
                    path_id=str(number),
                    desired_running=False,
                    plugins=[
                        BotPlugin(position=0, name="start", config={"welcome_message": f"Bot {number}"})
                    ],
                )
                for number in range(first, first + count)
            ]
            session.add_all(bots)
            session.flush()
            if inside:
                session.add_all([PoolBot(pool_id=self.pool, bot_id=bot.id) for bot in bots])
            return [bot.id for bot in bots]

    def ask(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        answer = self.client.open(f"/api/v1/{path}", method=method, json=body, headers=self.key)
        return answer.status_code, answer.get_json(silent=True) or {}

    def ok(self, method: str, path: str, body: Json | None = None) -> Json:
        status, answer = self.ask(method, path, body)
        assert status < 300, answer
        return answer

    def put(self, **body: Any) -> Json:
        """Have the change shown, then made."""
        plan = self.ok("PUT", self.behaviour, body)
        assert not plan["applied"]
        return self.ok("PUT", self.behaviour, {**body, "if_plan": plan["plan"]})

    def greetings(self, *bot_ids: int) -> list[str]:
        with self.platform.database.reading() as session:
            return [session.get_one(Bot, one).plugins[0].config["welcome_message"] for one in bot_ids]

    def differing(self) -> list[bool]:
        return [one["differs"] for one in self.ok("GET", f"redirect-pools/{self.pool}/bots")["items"]]


@pytest.fixture
def shop(platform: Platform, client: FlaskClient) -> Shop:
    return Shop(platform, client)


def greeting(text: str) -> Json:
    return {"plugins": [{"name": "start", "config": {"welcome_message": text}}], "fsm_strategy": "CHAT"}


def test_a_pool_takes_over_a_bots_behaviour_and_its_followers_have_every_change(
    shop: Shop, platform: Platform
) -> None:
    one, two, three = shop.bots(1, 3)
    assert shop.ok("GET", shop.behaviour)["behaviour"] is None
    assert shop.differing() == [False] * 3
    assert shop.ask("PUT", f"bots/{one}/follows", {"pool_id": shop.pool})[1]["code"] == "no_behaviour"

    shown = shop.ok("PUT", shop.behaviour, {"like": one, "everybody": False})
    assert (shown["bots"], shown["applied"]) == ([], False)
    assert shop.ok("GET", shop.behaviour)["version"] == 0
    assert shop.put(like=one)["applied"]
    assert (shop.differing(), shop.greetings(two)) == ([True] * 3, ["Bot 2"])
    shop.ok("PUT", f"bots/{one}/follows", {"pool_id": shop.pool})
    shop.ok("PUT", f"bots/{two}/follows", {"pool_id": shop.pool})
    assert (shop.differing(), shop.greetings(two, three)) == ([False, False, True], ["Bot 1", "Bot 3"])

    done = shop.put(behaviour=greeting("All"))
    assert [bot["bot_id"] for bot in done["bots"]] == [one, two]
    assert {"path": "fsm_strategy", "old": "USER_IN_CHAT", "new": "CHAT"} in done["changes"]
    assert shop.greetings(one, two, three) == ["All", "All", "Bot 3"]
    whole = shop.ok("GET", shop.behaviour)
    assert [member["differences"] for member in whole["members"]] == [0, 0, 2]
    assert shop.put(behaviour=whole["behaviour"])["bots"] == []
    assert [one["begins"] for one in shop.put(behaviour=whole["behaviour"], everybody=True)["bots"]] == [True]
    assert shop.differing() == [False] * 3
    with platform.database.reading() as session:
        kinds = select(AuditEvent.kind, func.count().label("times")).where(AuditEvent.pool_id == shop.pool)
        kept = {row.kind: row.times for row in session.execute(kinds.group_by(AuditEvent.kind))}
    assert (kept["pool_behaviour_set"], kept["bot_followed"]) == (2, 5)


def test_a_followers_behaviour_is_edited_nowhere_else_until_it_stops_following(shop: Shop) -> None:
    (bot,) = shop.bots(1, 1)
    shop.put(behaviour=greeting("All"), everybody=True)
    path = f"bots/{bot}"
    texts = {"document": "## start.welcome_message\nMine\n"}
    refused: list[tuple[str, str, Json]] = [
        ("PUT", f"{path}/plugins", {"plugins": []}),
        ("PUT", f"{path}/texts", texts),
        ("PATCH", path, {"fsm_strategy": "GLOBAL_USER"}),
    ]
    for method, where, body in refused:
        status, answer = shop.ask(method, where, body)
        assert (status, answer["code"]) == (409, "follows_pool"), where
        assert "Shop" in answer["detail"]
    shop.ok("PATCH", path, {"name": "Mine"})
    shop.ok("PUT", f"{path}/access", {"captcha": True})
    assert shop.ok("PUT", f"{path}/follows", {"pool_id": None})["follows_pool_id"] is None
    assert shop.greetings(bot) == ["All"]
    plan = shop.ok("PUT", f"{path}/texts", texts)["plan"]
    shop.ok("PUT", f"{path}/texts", {**texts, "if_plan": plan})
    assert (shop.greetings(bot), shop.differing()) == (["Mine"], [True])


def test_following_ends_with_the_membership_the_behaviour_and_the_pool_and_all_keep_what_they_have(
    shop: Shop,
) -> None:
    one, two, three = bots = shop.bots(1, 3)
    shop.put(behaviour=greeting("All"), everybody=True)
    shop.ok("DELETE", f"redirect-pools/{shop.pool}/bots/{one}")
    assert shop.ok("GET", f"bots/{one}")["follows_pool_id"] is None
    shop.ok("POST", f"redirect-pools/{shop.pool}/bots", {"bot_id": one})
    assert shop.differing() == [False, False, True]
    shop.ok("DELETE", f"redirect-pools/{shop.pool}/bots/{one}")
    added = shop.ok("POST", f"redirect-pools/{shop.pool}/bots", {"bot_id": one, "follow": True})
    assert (added["follows"], added["differs"]) == (True, False)
    shop.ok("DELETE", shop.behaviour)
    assert shop.ask("DELETE", shop.behaviour)[0] == 404
    assert [shop.ok("GET", f"bots/{bot}")["follows_pool_id"] for bot in bots] == [None] * 3
    shop.put(like=two, everybody=True)
    shop.ok("DELETE", f"redirect-pools/{shop.pool}")
    assert shop.greetings(*bots) == ["All"] * 3
    shop.ok("PATCH", f"bots/{three}", {"fsm_strategy": "GLOBAL_USER"})


def test_what_cannot_follow_says_why_and_what_cannot_be_set_too(
    shop: Shop, platform: Platform, client: FlaskClient
) -> None:
    inside, declared = shop.bots(1, 2)
    (outside,) = shop.bots(5, 1, inside=False)
    rival = Shop(platform, client, "rui@example.com")
    (foreign,) = rival.bots(9, 1)
    with platform.database.transaction() as session:
        session.get_one(Bot, declared).declared_in = "shop.yaml"
    new = {"bot_id": outside, "follow": True}
    assert shop.ask("POST", f"redirect-pools/{shop.pool}/bots", new)[1]["code"] == "no_behaviour"
    shop.put(behaviour=greeting("All"))
    follow = {"pool_id": shop.pool}
    for path, code in (
        (f"bots/{declared}/follows", "declared_in_file"),
        (f"bots/{outside}/follows", "member_not_found"),
        (f"bots/{foreign}/follows", "bot_not_found"),
    ):
        assert shop.ask("PUT", path, follow)[1]["code"] == code, path
    assert rival.ask("PUT", f"bots/{foreign}/follows", follow)[1]["code"] == "pool_not_found"
    assert [bot["bot_id"] for bot in shop.put(behaviour=greeting("All"), everybody=True)["bots"]] == [inside]
    for body, status, code in (
        ({}, 422, "invalid_input"),
        ({"like": inside, "behaviour": {}}, 422, "invalid_input"),
        ({"like": foreign}, 404, "bot_not_found"),
        ({"behaviour": {"plugins": [{"name": "nonsense"}]}}, 422, "unknown_plugin"),
        ({"behaviour": greeting("<b>open")}, 422, "text_tag_unclosed"),
        ({"behaviour": greeting("Other"), "if_plan": "0" * 64}, 409, "plan_changed"),
    ):
        answer = shop.ask("PUT", shop.behaviour, body)
        assert (answer[0], answer[1]["code"]) == (status, code), body
    assert shop.greetings(inside) == ["All"]
