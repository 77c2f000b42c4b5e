"""Bots under a reload: which version answers, what their hooks hear, and the way back from a version that fails."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

import pytest
from sqlalchemy import select

from models import Bot, Notification
from services.core.errors import Unavailable
from services.fleet import plugin_catalogue
from services.fleet.bots.choices import PluginChoice, rows_of
from services.fleet.plugin_loading.loading import Loader
from services.fleet.plugin_loading.outcomes import FEWEST_DEATHS, Counts, Outcomes, is_far_worse
from services.fleet.plugin_loading.refusals import RELOAD, lift, refusals
from services.fleet.plugin_loading.reloader import Reloader
from services.messaging.updates.queued_update import QueuedUpdate
from services.platform.platform import Platform
from services.platform.redis.changes import Topic
from tests.services.fleet.plugin_loading.authors import Authors, ThisProcess
from tools.servers.fleet import add_bot, message

IDENTITY = {"id": 7001, "username": "trial_bot", "token": "7001:" + "A" * 35}
CONFIG = "class Config(PluginConfig):\n    greeting: str = 'a'\n"


class People:
    """People of one bot who send /go, each once, and all that they were answered since the beginning."""

    def __init__(self, process: ThisProcess, bot: Bot) -> None:
        self._processor = process.consumers.processor
        self._bot = bot
        self._numbers = iter(range(1, 10_000))
        self.heard: list[str] = []

    def go(self, attempts: int = 0, *, alone: bool = False) -> list[str]:
        """One more; "" for whom the handler failed."""
        number = next(self._numbers)
        update = json.dumps(message(number, number, "/go"))
        queued = QueuedUpdate(
            f"{number}-0", self._bot.id, str(number), "", update, attempts=attempts, alone=alone
        )
        try:
            sends = self._processor.handle(queued).sends
            self.heard += [json.loads(send.call)["params"]["text"] for send in sends]
        except ValueError:
            self.heard.append("")
        return self.heard


def stored(process: ThisProcess, bot: Bot) -> dict[str, Any]:
    """What the plugins of the bot have written of their hooks, by key."""
    behaviour = process.plugins.get(bot.id)
    assert behaviour is not None
    return {key: value for plugin in behaviour.plugins for key, value in plugin.db.list().items()}


@pytest.fixture
def one(authors: Authors, process: ThisProcess) -> Bot:
    """A bot that runs the first version of a plugin."""
    authors.write("one", "1", before=CONFIG, inside="config_model = Config")
    process.look()
    return add_bot(process.platform, IDENTITY, (("one", {"greeting": "b"}), ("echo", {})))


def test_the_next_update_is_the_new_versions_and_hooks_are_told_of_a_swap_once(
    authors: Authors, process: ThisProcess, one: Bot
) -> None:
    people = People(process, one)
    assert people.go() == ["1"]
    echo = process.plugins.get(one.id).plugins[1]  # type: ignore[union-attr]
    authors.write("one", "2")  # takes no configuration: refused
    process.look()
    assert "refuses the configuration of @trial_bot: greeting" in process.catalogue.problems["one.py"].reason
    assert people.go() == ["1", "1"]
    authors.write("one", "2", before=CONFIG, inside="config_model = Config")
    process.look()
    assert people.go() == ["1", "1", "2"]
    assert process.plugins.get(one.id).plugins[1] is echo  # type: ignore[union-attr]
    whole = {"loaded 1": 1, "started 1": 1, "stopped 1": 1, "unloaded 1": 1}
    assert stored(process, one) == {**whole, "loaded 2": 1, "started 2": 1}


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"setup": "raise ValueError('in setup')"}, "ValueError: in setup"),
        ({"on_load": "import sys; sys.exit(1)"}, "SystemExit: 1"),
        ({"inside": "config_version = 2"}, "greeting"),
        (
            {
                "inside": "config_version = 2\n    @classmethod\n    def migrate(cls, old): raise KeyError('x')"
            },
            "migrate() of the configuration of @trial_bot failed: KeyError",
        ),
    ],
)
def test_a_version_that_cannot_serve_a_bot_does_not_come(
    authors: Authors, process: ThisProcess, one: Bot, parts: dict[str, str], reason: str
) -> None:
    people = People(process, one)
    people.go()
    given = {"before": CONFIG, "inside": "config_model = Config"} if "inside" not in parts else {}
    authors.write("one", "2", **{**given, **parts})
    process.look()
    assert reason in process.catalogue.problems["one.py"].reason
    if "setup" in parts:
        assert process.catalogue.problems["one.py"].line is not None
    assert people.go() == ["1", "1"]
    kept = stored(process, one)
    assert (kept["loaded 1"], kept.get("unloaded 1")) == (1, None)


@pytest.mark.data
def test_a_stored_configuration_is_migrated_on_the_way_and_written_by_nobody(
    authors: Authors, process: ThisProcess, one: Bot
) -> None:
    people = People(process, one)
    people.go()
    authors.write(
        "one",
        "2",
        before="class Config(PluginConfig):\n    greetings: list[str]\n",
        inside="config_model = Config\n    config_version = 2\n"
        "    @classmethod\n    def migrate(cls, old): return {'greetings': [old['greeting']]}",
        body="ctx.send(self.config.greetings[0])",
    )
    process.look()
    assert process.catalogue.problems == {}
    assert people.go() == ["1", "b"]
    with process.platform.database.reading() as session:
        row = session.get_one(Bot, one.id).plugins[0]
        assert (row.config, row.config_version) == ({"greeting": "b"}, 1)
    [saved] = rows_of([PluginChoice("one", config={"greetings": ["c"]})])
    assert saved.config_version == 2


def test_an_update_under_way_ends_with_the_version_that_it_began_with(
    authors: Authors, process: ThisProcess, one: Bot
) -> None:
    authors.write(
        "one",
        "1",
        before="import threading\nbegan, go_on = threading.Event(), threading.Event()\n" + CONFIG,
        inside="config_model = Config",
        body="began.set(); go_on.wait(30); ctx.send(VERSION)",
    )
    process.look()
    slow = process.plugins.get(one.id)
    assert slow is not None
    module = process.catalogue.custom["one.py"].plugin.go.__globals__  # type: ignore[attr-defined]
    people = People(process, one)
    thread = threading.Thread(target=people.go)
    thread.start()
    assert module["began"].wait(30)
    authors.write("one", "2", before=CONFIG, inside="config_model = Config")
    process.look()
    assert process.plugins.get(one.id) is not slow
    assert "unloaded 1" not in stored(process, one)  # its last handler still runs
    module["go_on"].set()
    thread.join(60)
    assert people.go() == ["1", "2"]
    process.until(lambda: stored(process, one).get("unloaded 1"))


def away(*_: object) -> None:
    """As while the database is."""
    raise Unavailable("The database does not answer")


def test_a_version_that_fails_far_more_often_goes_for_good_and_the_owner_hears_of_it_once(
    authors: Authors, process: ThisProcess, one: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"before": CONFIG, "inside": "config_model = Config"}
    people = People(process, one)
    for _ in range(3):
        people.go()
    good = process.catalogue.custom["one.py"].hash
    bad = authors.write("one", "2", **parts, body="raise ValueError(message.text)")
    process.look()
    for _ in range(9):
        people.go(attempts=1)  # what failed before and is tried again says nothing new
    for _ in range(5):
        people.go()
    with monkeypatch.context() as broken:
        broken.setattr("services.fleet.plugin_loading.swapping.check_stored", away)
        with pytest.raises(Unavailable):  # decided, and not yet done
            process.until(lambda: False)
    process.until(lambda: process.catalogue.custom["one.py"].hash == good)
    assert "5 of 5 updates failed" in process.catalogue.problems["one.py"].reason
    assert people.go() == ["1"] * 3 + [""] * 14 + ["1"]
    process.reloader._probation._looked = 0.0
    process.reloader.turn()
    process.begin()  # a process that starts while the bad version is still in the folder
    assert process.catalogue.custom["one.py"].hash == good
    process.reloader._probation._looked = 0.0
    process.reloader.turn()
    with process.platform.database.reading() as session:
        [told] = session.scalars(select(Notification)).all()
    assert (told.account_id, told.kind, told.params["plugin"]) == (one.account_id, "plugin_reverted", "one")
    authors.write("one", "3", **parts)
    process.look()
    assert people.go()[-1] == "3"
    authors.write("one", "2", **parts, body="raise ValueError(message.text)")
    process.look()
    assert people.go()[-1] == "3"  # the bad one put back is still refused
    lift(process.platform)
    process.reloader.on_change(Topic.PLUGINS, RELOAD)
    process.look()
    assert process.catalogue.custom["one.py"].hash == bad


def test_a_version_that_ends_its_processes_goes_with_the_next_that_starts(
    authors: Authors, process: ThisProcess, one: Bot
) -> None:
    people, good = People(process, one), process.catalogue.custom["one.py"].hash
    parts = {"before": f"import os\n{CONFIG}", "inside": "config_model = Config"}
    deadly = authors.write(
        "one", "2", **parts, body="os._exit(9) if message.chat.id % 2 == 0 else ctx.send(VERSION)"
    )
    process.look()
    people.go(alone=True)  # lives: its death is taken back

    def die() -> None:
        child = os.fork()
        if child == 0:
            try:
                people.go(alone=True)
            finally:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9

    for _ in range(FEWEST_DEATHS - 1):
        die()
    process.begin()
    assert process.catalogue.custom["one.py"].hash == deadly, "one update is given up after two deaths"
    die()
    [(counts, _)] = Outcomes.sums(process.platform, {deadly: good}, [deadly]).values()
    assert (counts.deaths, counts.failed) == (FEWEST_DEATHS, FEWEST_DEATHS)
    process.begin()
    assert process.catalogue.custom["one.py"].hash == good
    assert people.go()[-1] == "1"


def test_a_version_that_cannot_be_set_up_in_one_process_goes_in_all(
    authors: Authors, process: ThisProcess, one: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process runs no bot of the plugin, and so has nothing against it."""
    people, good = People(process, one), process.catalogue.custom["one.py"].hash
    people.go()
    other = Reloader(process.platform, loader=Loader(process.platform.settings, process.trial))
    own = plugin_catalogue._process
    others = type(own)()
    others.settings = own.settings

    def turn_of_the_other() -> str:
        with monkeypatch.context() as there:
            there.setattr(plugin_catalogue, "_process", others)
            other.turn()
            other.turn()
            return plugin_catalogue.catalogue().custom["one.py"].hash

    assert turn_of_the_other() == good
    parts = {"before": CONFIG, "inside": "config_model = Config", "setup": "raise ValueError('here')"}
    bad = authors.write("one", "2", **parts)
    assert turn_of_the_other() == bad
    process.look()
    assert people.go() == ["1", "1"]
    other.on_change(Topic.PLUGINS, 0)
    assert turn_of_the_other() == good
    process.reloader.on_change(Topic.PLUGINS, 0)
    process.look()
    with process.platform.database.reading() as session:
        assert session.scalars(select(Notification)).all() == []


def test_processes_decide_together_and_on_the_first_try_of_an_update_alone(platform: Platform) -> None:
    first, second = Outcomes(), Outcomes()
    for _ in range(3):
        first.count("new", failed=True)
        second.count("new", failed=True)
    second.count("old", failed=False)
    assert first.flush(platform, {"new": "old"})["new"][0].failed == 3
    [(new, former)] = second.flush(platform, {"new": "old"}).values()
    assert (new.failed, new.handled, former.handled) == (6, 6, 1)
    assert second.flush(platform, {"new": "old"}) == {}
    assert refusals(platform) == {}


@pytest.mark.parametrize(
    ("new", "former", "is_worse"),
    [
        (Counts(5, 5), Counts(), True),
        (Counts(4, 4), Counts(), False),  # too few to say
        (Counts(26, 5), Counts(1000, 0), False),  # most are served
        (Counts(25, 5), Counts(1000, 60), True),
        (Counts(25, 5), Counts(1000, 70), False),  # it was shaky before
        (Counts(10, 10), Counts(100, 40), False),
        (Counts(1000, 3, deaths=3), Counts(1000, 0), True),  # few, but each interrupts a process
        (Counts(2, 2, deaths=2), Counts(), False),  # of one update, maybe
        (Counts(1000, 8, deaths=8), Counts(1000, 3, deaths=3), False),  # it was deadly before
        (Counts(10, 10, age=601), Counts(100, 0), False),  # out of probation: something else has happened
    ],
)
def test_far_worse_is_defined(new: Counts, former: Counts, is_worse: bool) -> None:
    assert is_far_worse(new, former) is is_worse


def test_a_lost_connection_loses_no_count(platform: Platform) -> None:
    outcomes = Outcomes()
    outcomes.count("new", failed=True)
    away = Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    with pytest.raises(Exception, match=r"127\.0\.0\.1:9"):
        outcomes.flush(away, {})
    assert outcomes.flush(platform, {"new": "old"})["new"][0].failed == 1
