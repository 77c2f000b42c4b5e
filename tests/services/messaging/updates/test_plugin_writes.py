"""What handlers write into their stores takes effect with the update, once, whatever happens on the way."""

from __future__ import annotations

import itertools
import json
import signal
import threading
import time
from contextvars import copy_context
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import Bot, HandledUpdate, Lead, PluginState
from plugins.database import StoreError
from services.core.errors import Unavailable
from services.core.settings import Settings
from services.core.times import utc_now
from services.messaging.plugin_runtime import plugin_store
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.messaging.plugin_runtime.plugin_store import texts_at
from services.messaging.plugin_runtime.work import Work, at
from services.messaging.updates import plugin_writes
from services.messaging.updates.contacts import Contacts
from services.messaging.updates.queued_update import HandlerResult, QueuedUpdate
from services.messaging.updates.timings import UpdateTimings
from services.messaging.updates.update_processor import UpdateProcessor
from services.operations.retention.deleting import delete_expired
from services.platform.platform import Platform
from tests.services.messaging.draining import QUICK, consumers, handle_all, letters, replies
from tests.services.messaging.updates import storing_plugins
from tools.servers.fleet import Plugins, accept_all, add_bot, message, reconciling, worker_process
from tools.servers.sandbox import Sandbox, wait_until

KEEPING: Plugins = (("keeper", {}), ("other", {}))
WORKER = ("-c", f"import jobs.worker, {storing_plugins.__name__}; jobs.worker.main()")


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot whose plugins keep things; its replies stay in its outbox, because nobody sends."""
    return add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35}, KEEPING)


def kept(platform: Platform, bot: Bot, plugin: str = "keeper") -> dict[str, Any]:
    return BotDatabase(platform.database, bot.id, plugin).list()


def handling_of(platform: Platform, timings: UpdateTimings = QUICK) -> UpdateProcessor:
    """What a process of its own would handle with."""
    return UpdateProcessor(platform, PluginCache(platform), Contacts(platform), timings)


def waiting(bot: Bot, update_id: int, text: str, chat: int = 5) -> QueuedUpdate:
    update = json.dumps(message(update_id, chat, text))
    return QueuedUpdate(f"{update_id}-0", bot.id, str(chat), f"request{update_id}", update)


def texts(handled: HandlerResult) -> list[str]:
    return [json.loads(send.call)["params"]["text"] for send in handled.sends]


def test_a_visit_of_each_is_counted_though_all_come_at_once(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(n, n, "/visit") for n in range(1, 61)])
    handle_all(platform)
    assert sorted(text for _, text in replies(platform, bot)) == sorted(f"visit {n}" for n in range(1, 61))
    assert kept(platform, bot)["visits"] == 60
    assert letters(platform) == []


@pytest.mark.data
def test_two_processes_that_count_at_once_lose_no_visit(platform: Platform, bot: Bot) -> None:
    processes, said = [handling_of(platform), handling_of(platform)], list[str]()

    def work(process: int) -> None:
        for number in range(20):
            update_id = 100 * process + number
            done = False
            while not done:  # as the lane does with what cannot be handled yet
                try:
                    said.extend(
                        texts(processes[process].handle(waiting(bot, update_id, "/visit", process + 1)))
                    )
                    done = True
                except Unavailable:
                    time.sleep(0.05)

    threads = [threading.Thread(target=work, args=(process,)) for process in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said) == sorted(f"visit {n}" for n in range(1, 41))
    assert kept(platform, bot)["visits"] == 40


@pytest.mark.data
def test_a_tag_takes_effect_with_its_update_and_not_without_it(platform: Platform, bot: Bot) -> None:
    def tags() -> list[list[str]]:
        with platform.database.reading() as session:
            return [list(lead.tags) for lead in session.scalars(select(Lead).order_by(Lead.telegram_id))]

    first = handling_of(platform).handle(waiting(bot, 1, "/pay"))
    assert texts(first) == ["tags ('paid',)"]
    assert handling_of(platform).handle(waiting(bot, 1, "/pay")) == first  # read again after a crash
    with pytest.raises(ValueError, match="on order"):
        handling_of(platform).handle(waiting(bot, 2, "/renege"))
    assert tags() == [["paid"]]
    accept_all(platform, bot, [message(n, n, "/pay") for n in range(11, 31)])
    handle_all(platform)
    assert tags() == [["paid"]] * 21


@pytest.mark.data
@pytest.mark.parametrize("command", ["/visit", "/raffle", "/first", "/swallow", "/shout x"])
def test_an_update_that_is_read_again_has_the_outcome_that_it_had(
    platform: Platform, bot: Bot, command: str
) -> None:
    """Handled by a process that died before the acknowledgement, then by another."""
    first = handling_of(platform).handle(waiting(bot, 1, command))
    stood = {plugin: kept(platform, bot, plugin) for plugin in ("keeper", "other")}
    assert texts(first)
    assert handling_of(platform).handle(waiting(bot, 1, command)) == first
    assert {plugin: kept(platform, bot, plugin) for plugin in ("keeper", "other")} == stood
    second = handling_of(platform).handle(waiting(bot, 2, command))
    assert (second == first) is (command == "/shout x")


@pytest.mark.data
def test_the_same_update_in_two_processes_at_once_has_one_outcome(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One slept through its lease: both have run the handler before either has committed."""
    meet, write = threading.Barrier(2), plugin_writes.PluginWrites._write

    def together(self: Any, commits: Any) -> Any:
        meet.wait(10)
        return write(self, commits)

    monkeypatch.setattr(plugin_writes.PluginWrites, "_write", together)
    found: list[HandlerResult] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(handling_of(platform).handle(waiting(bot, 1, "/raffle")))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found[0] == found[1]
    assert texts(found[0]) == [kept(platform, bot)["winner"]]


def test_a_worker_that_dies_between_database_and_redis_has_counted_once(
    platform: Platform, settings: Settings, sandbox: Sandbox
) -> None:
    identity = sandbox.create_bot(strict=False)
    bot, user = add_bot(platform, identity, KEEPING), int(sandbox.create_user()["id"])
    sandbox.start(user, bot.username)
    accept_all(platform, bot, [message(1, user, "/visit"), message(2, user, "/raffle")])
    with reconciling(platform), worker_process(settings, WORKER, CRASH_AT="drain.before_commit") as worker:
        assert worker.process.wait(30) == -signal.SIGKILL
    stood = kept(platform, bot)
    assert stood["visits"] == 1
    assert sandbox.sent(bot.username, "sendMessage") == []

    def sent() -> list[str]:
        return [each["text"] for each in sandbox.sent(bot.username, "sendMessage")]

    with reconciling(platform), worker_process(settings, WORKER):
        wait_until(lambda: len(sent()) == 2, seconds=25)
    after = kept(platform, bot)
    assert sent() == ["visit 1", after["winner"]]
    assert {**stood, "winner": after["winner"]} == after


def test_what_a_failing_or_refused_handler_wrote_is_not_there(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(1, 5, "/visit"), message(2, 5, "/fail")])
    handle_all(platform)
    assert kept(platform, bot) == {"visits": 1, "given up": 1}
    processor = handling_of(platform)
    with processor._contexts._locks.hold(bot.id, "taken", patient=False):
        refused = processor.handle(waiting(bot, 3, "/busy"))
    assert "aguarde" in " ".join(texts(refused)).lower()
    assert kept(platform, bot)["visits"] == 1


def test_an_error_handler_counts_a_given_up_update_once(platform: Platform, bot: Bot) -> None:
    failed = waiting(bot, 1, "/fail")
    first = handling_of(platform).give_up(failed, "failed", "E1")
    again = handling_of(platform).give_up(failed, "failed", "E1")
    assert texts(first) == texts(again) == ["given up: failed"]
    assert kept(platform, bot) == {"given up": 1}


def test_what_the_one_passes_on_and_the_other_answers_is_written_together(
    platform: Platform, bot: Bot
) -> None:
    accept_all(platform, bot, [message(1, 5, "/shout oi")])
    handle_all(platform)
    assert replies(platform, bot) == [("5", "shouted None")]  # each sees its own alone
    assert kept(platform, bot) == {"shouted": "/shout oi"}
    assert kept(platform, bot, "other") == {"loaded": True, "visits": "other"}


def test_a_handler_of_statistics_sees_its_own_bots_people(platform: Platform, bot: Bot) -> None:
    other = add_bot(platform, {"id": 7002, "username": "other_bot", "token": "7002:" + "A" * 35}, KEEPING)
    accept_all(platform, other, [message(1, 9, "/stats")])
    accept_all(platform, bot, [message(n, n, "/visit") for n in (1, 2)])
    handle_all(platform)
    accept_all(platform, bot, [message(3, 3, "/stats", first_name="Bia")])
    handle_all(platform)
    assert ("3", "3 3 Bia") in replies(platform, bot)
    assert replies(platform, other) == [("9", "1 1 Ana")]


def test_a_store_that_is_full_fails_the_handler_and_nobody_else(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = add_bot(platform, {"id": 7002, "username": "other_bot", "token": "7002:" + "A" * 35}, KEEPING)
    BotDatabase(platform.database, bot.id, "keeper").set("ballast", "x" * 500)
    monkeypatch.setattr(plugin_store, "MAX_STORE", 500)
    processor, found = handling_of(platform), dict[int, object]()

    def handle(each: Bot, update_id: int) -> None:
        try:
            found[update_id] = texts(processor.handle(waiting(each, update_id, "/visit", update_id)))
        except StoreError as error:
            found[update_id] = error

    threads = [threading.Thread(target=handle, args=each) for each in ((bot, 1), (other, 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert isinstance(found[1], StoreError)
    assert found[2] == ["visit 1"]


def test_values_that_never_hold_still_are_waited_for_and_make_no_dead_letter(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, unrest = BotDatabase(platform.database, bot.id, "keeper"), threading.Event()
    numbers = itertools.count(100)

    def restless(session: Any, bot_id: int, places: Any) -> Any:
        found = texts_at(session, bot_id, places)
        return {**found, ("keeper", "visits"): f"{next(numbers)}"} if not unrest.is_set() else found

    store.set("visits", 1)
    monkeypatch.setattr(plugin_writes, "texts_at", restless)
    timings = replace(QUICK, plugin_repeat=0.1)
    with pytest.raises(Unavailable):
        handling_of(platform, timings).handle(waiting(bot, 1, "/visit"))
    accept_all(platform, bot, [message(2, 5, "/visit")])
    thread = threading.Thread(target=handle_all, args=(platform, consumers(platform, timings)))
    thread.start()
    time.sleep(1)
    assert replies(platform, bot) == []
    unrest.set()
    thread.join(30)
    assert replies(platform, bot) == [("5", "visit 2")]
    assert letters(platform) == []


def test_an_outcome_lies_sealed_and_only_of_what_wrote(platform: Platform, bot: Bot) -> None:
    handling_of(platform).handle(waiting(bot, 1, "/raffle"))
    handling_of(platform).handle(waiting(bot, 2, "/stats"))
    with platform.database.reading() as session:
        [outcome] = session.scalars(select(HandledUpdate))
        winner = session.scalars(select(PluginState).where(PluginState.key == "winner")).one().value
    assert (outcome.bot_id, outcome.update_id, outcome.part) == (bot.id, 1, "")
    assert winner not in outcome.sealed_outcome


@pytest.mark.data
def test_outcomes_are_forgotten_after_three_days(platform: Platform, bot: Bot) -> None:
    with platform.database.transaction() as session:
        for number, days in enumerate((1, 2, 4, 5)):
            then = utc_now() - timedelta(days=days)
            session.add(HandledUpdate(bot_id=bot.id, update_id=number, part="", sealed_outcome="x", at=then))
    delete_expired(platform)
    with platform.database.reading() as session:
        assert sorted(session.scalars(select(HandledUpdate.update_id))) == [0, 1]


def test_what_a_plugin_writes_outside_of_an_update_is_there_at_once(platform: Platform, bot: Bot) -> None:
    PluginCache(platform).get(bot.id)
    assert kept(platform, bot, "other") == {"loaded": True}


def test_whoever_a_handler_has_left_behind_writes_at_once(platform: Platform, bot: Bot) -> None:
    store = BotDatabase(platform.database, bot.id, "keeper")
    with at(Work(bot.id, 1)):
        store.set("never committed", 1)
        left_behind = copy_context()  # as greenlets and threads inherit it
    left_behind.run(store.set, "late", 2)
    assert kept(platform, bot) == {"late": 2}
