"""A pool's followers are all at one behaviour, whoever changes it at once and wherever a process dies, and many cost no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select

from models import Account, Bot, BotPlugin, PoolBot
from services.core.errors import Conflict
from services.fleet.configuration.document import Behaviour
from services.fleet.pools.behaviour import WantedBehaviour, set_behaviour
from services.fleet.pools.fields import NewPool
from services.fleet.pools.pools import create_pool
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.blueprints.people import caller_of

pytestmark = pytest.mark.data


class Followers:
    """A pool whose members follow it."""

    def __init__(self, platform: Platform, count: int) -> None:
        self.platform = platform
        with platform.database.transaction() as session:
            account = Account(email="ana@example.com", password_hash="-")
            session.add(account)
        self.caller = caller_of(account)
        self.pool = create_pool(platform, self.caller, NewPool(name="Shop", slug="shop")).id
        self.count = 0
        self.add(count)
        self.bring("Old", self.plan("Old"))

    def add(self, count: int) -> None:
        numbers = range(self.count + 1, self.count + count + 1)
        with self.platform.database.transaction() as session:
            bots = [
                Bot(
                    account_id=self.caller.account_id,
                    public_id=f"bot_{number:012x}",
                    telegram_bot_id=number,
                    username=f"shop{number}_bot",
                    sealed_token="-",
                    mode="polling",
                    path_id=str(number),
                    plugins=[BotPlugin(position=0, name="help"), BotPlugin(position=1, name="start")],
                )
                for number in numbers
            ]
            session.add_all(bots)
            session.flush()
            session.add_all([PoolBot(pool_id=self.pool, bot_id=bot.id) for bot in bots])
        self.count += count

    def plan(self, text: str) -> str:
        return set_behaviour(self.platform, self.caller, self.pool, _greeting(text), if_plan=None)["plan"]

    def bring(self, text: str, plan: str) -> int:
        """Do it; how many bots were written."""
        return len(
            set_behaviour(self.platform, self.caller, self.pool, _greeting(text), if_plan=plan)["bots"]
        )

    def states(self) -> set[tuple[str, int | None, int]]:
        """What the bots greet with, which pool they follow and at which version: one, as long as all agree."""
        query = select(BotPlugin.config, Bot.follows_pool_id, Bot.follows_version).outerjoin(
            BotPlugin, BotPlugin.bot_id == Bot.id
        )
        with self.platform.database.reading() as session:
            return {(config["welcome_message"], pool, at) for config, pool, at in session.execute(query)}


def _greeting(text: str) -> WantedBehaviour:
    said: dict[str, Any] = {"plugins": [{"name": "start", "config": {"welcome_message": text}}]}
    return WantedBehaviour(Behaviour.model_validate(said), everybody=True)


@contextmanager
def statements(platform: Platform, fatal: int = 0) -> Iterator[list[str]]:
    """The statements of the database; the process dies before the one of number `fatal`."""
    said: list[str] = []

    def note(*args: Any) -> None:
        said.append(args[2])
        if len(said) == fatal:
            raise KeyboardInterrupt

    event.listen(platform.database.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(platform.database.engine, "before_cursor_execute", note)


def test_a_crash_before_any_statement_leaves_all_followers_at_the_old_behaviour_or_all_at_the_new(
    platform: Platform,
) -> None:
    pool = Followers(platform, 3)
    plan = pool.plan("New")
    old, new = {("Old", pool.pool, 1)}, {("New", pool.pool, 2)}
    fatal = 0
    while pool.states() == old:
        fatal += 1
        with statements(platform, fatal):
            try:
                pool.bring("New", plan)
            except KeyboardInterrupt:
                assert pool.states() in (old, new), fatal
    assert pool.states() == new
    assert fatal > 8


def test_of_two_who_change_a_behaviour_by_the_same_sight_one_is_refused_and_nothing_is_mixed(
    platform: Platform,
) -> None:
    pool = Followers(platform, 4)
    plans = {text: pool.plan(text) for text in "AB"}
    together = threading.Barrier(2)
    outcomes: dict[str, str] = {}

    def change(text: str) -> None:
        together.wait()
        try:
            pool.bring(text, plans[text])
        except Conflict as refusal:
            outcomes[text] = refusal.code
        else:
            outcomes[text] = "done"

    threads = [threading.Thread(target=change, args=text) for text in "AB"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == ["done", "plan_changed"]
    (done,) = [text for text, outcome in outcomes.items() if outcome == "done"]
    assert pool.states() == {(done, pool.pool, 2)}


def test_many_followers_take_hardly_more_statements_than_few_and_each_is_announced(
    platform: Platform,
) -> None:
    pool = Followers(platform, 5)
    counts = []
    for text in ("Few", "Many"):
        plan = pool.plan(text)
        before = int(platform.redis.get(keys.changes_generation()) or 0)
        with statements(platform) as said:
            assert pool.bring(text, plan) == pool.count
        counts.append(len({*said}) if platform.database.is_sqlite else len(said))
        assert int(platform.redis.get(keys.changes_generation()) or 0) - before >= pool.count
        if text == "Few":
            pool.add(75)
    assert counts[1] <= counts[0] + 10, counts
    assert pool.states() == {("Many", pool.pool, 3)}
