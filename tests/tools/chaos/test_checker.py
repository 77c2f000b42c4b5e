"""The checker must see what it is there to see: each row of its table fails on a log doctored by hand."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import cast

import pytest

from models import DeadLetter
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.updates.intake import Intake
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.chaos import checker
from tools.chaos.checker import Verdict
from tools.chaos.faults import judge_ends
from tools.chaos.installation import Installation
from tools.chaos.leftovers import leftovers
from tools.chaos.load import Load, Told
from tools.chaos.recorder import Arrival, Incident, Recorder
from tools.chaos.recovery import measure
from tools.chaos.report import report
from tools.servers.fleet import message

NOW = time.time()
TOLD = [
    Told("one_bot", 1, 1, NOW, 1),
    Told("one_bot", 1, 2, NOW, 2),
    Told("two_bot", 1, 1, NOW, 1),
    Told("two_bot", 1, 2, NOW, 0, "die"),
]
RIGHT = [Arrival(told.bot, told.reply, NOW + 1 + index) for index, told in enumerate(TOLD[:3])]
LETTER = DeadLetter(kind="update", source_id="update:2:a", bot_id=2, error="poison", payload={})
REPEATED = Arrival("one_bot", TOLD[0].reply, NOW + 9)
DOUBLED = Arrival("one_bot", TOLD[1].reply.replace("= 2", "= 3"), NOW + 5)


@dataclass(frozen=True)
class Log:
    """What a run left; as it stands everything is right."""

    arrivals: list[Arrival] = field(default_factory=lambda: list(RIGHT))
    incidents: list[Incident] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=lambda: [LETTER])
    careful: frozenset[str] = frozenset()
    left: dict[str, int] = field(default_factory=dict)


def verdict_on(log: Log, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    kinds = ("update", "send", "job", "intake")
    found = {kind: [letter for letter in log.letters if letter.kind == kind] for kind in kinds}
    monkeypatch.setattr(checker, "dead_letters", lambda _place: found)
    texts: dict[str, int] = {}
    for arrival in log.arrivals:
        texts[arrival.text] = texts.get(arrival.text, 0) + 1
    bots = {"one_bot": 1, "two_bot": 2}
    keeper = SimpleNamespace(own_deaths=[])
    place = cast(Installation, SimpleNamespace(bots=bots, careful=log.careful, keeper=keeper))
    book = cast(Recorder, SimpleNamespace(arrivals=log.arrivals, texts=texts, incidents=log.incidents))
    load = cast(Load, SimpleNamespace(told=TOLD, redelivered=1))
    return checker.check(place, book, load, log.left, 1.0)


def violated(log: Log, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the rows that fail."""
    return {each.name for each in verdict_on(log, monkeypatch).invariants if each.violations}


def kill(text: str) -> Incident:
    """A kill with one message in flight."""
    return Incident("kill -9", "outbound", NOW, NOW, {text})


def fault(name: str, violation: str) -> Incident:
    return Incident(name, "all", NOW, NOW, violation=violation)


DOCTORED = {
    "every accepted update took effect": Log(RIGHT[:2]),
    "took effect once (count in the chat's state)": Log([*RIGHT, DOUBLED]),
    "effects of a chat in order": Log([RIGHT[1], RIGHT[0], RIGHT[2]]),
    "redelivered update_ids add no effect": Log([*RIGHT, DOUBLED]),
    "extra sends only of those in flight": Log([*RIGHT, REPEATED]),
    "extra sends of at_most_once bots": Log(
        [*RIGHT, REPEATED], [kill(REPEATED.text)], careful=frozenset({"one_bot"})
    ),
    "at most one repeat after a lost answer": Log(
        [*RIGHT, REPEATED, REPEATED], [Incident("cut", "api", NOW, NOW, loses_answers=True)]
    ),
    "left over 30 s after the last fault": Log(left={"lanes": 1}),
    "an update that kills or fails: one dead letter": Log(letters=[]),
    "no other dead letters": Log(letters=[LETTER, DeadLetter(kind="job", error="no", payload={})]),
    "nothing of one bot under another": Log([*RIGHT[:2], replace(RIGHT[2], bot="one_bot")]),
    "SIGTERM of all: out within 25 s, exit code 0": Log(
        incidents=[fault("SIGTERM", judge_ends({"web": (3.0, -signal.SIGTERM)}))]
    ),
    "crash points met, old beside new, leases held": Log(incidents=[fault("crash at x", "never reached")]),
}


def test_a_right_run_holds_and_every_row_of_its_table_is_doctored_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdict = verdict_on(Log(), monkeypatch)
    assert verdict.holds
    assert {each.name for each in verdict.invariants} == set(DOCTORED)


@pytest.mark.parametrize("row", DOCTORED)
def test_a_row_fails_on_a_doctored_log(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = verdict_on(DOCTORED[row], monkeypatch)
    assert row in {each.name for each in verdict.invariants if each.violations}
    assert not verdict.holds
    line = next(line for line in report(verdict).splitlines() if line.startswith(row))
    assert " 1 !" in line


def test_a_repeated_send_is_explained_by_a_kill_or_a_lost_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Incident("cut", "api", NOW, NOW, loses_answers=True)
    assert violated(Log([*RIGHT, REPEATED], [kill(REPEATED.text)]), monkeypatch) == set()
    assert violated(Log([*RIGHT, REPEATED], [lost]), monkeypatch) == set()
    careful = Log([*RIGHT, REPEATED], [kill(REPEATED.text), lost], careful=frozenset({"one_bot"}))
    assert violated(careful, monkeypatch) == {"extra sends of at_most_once bots"}


def test_a_parked_send_is_no_loss_where_the_bot_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parked = DeadLetter(kind="send", bot_id=2, error="uncertain", payload={"params": {"text": TOLD[2].reply}})
    careful = Log(RIGHT[:2], letters=[LETTER, parked], careful=frozenset({"two_bot"}))
    assert violated(careful, monkeypatch) == set()
    assert violated(replace(careful, careful=frozenset()), monkeypatch) == {"no other dead letters"}


@pytest.mark.parametrize(
    ("ends", "wrong"),
    [
        ({"web": (3.0, 0), "clock": (24.9, 0)}, ""),
        ({"web": (25.1, 0)}, "web took 25.1 s"),
        ({"web": (1.0, 1)}, "web ended with 1"),
        ({"web": (1.0, -signal.SIGTERM)}, "web ended with -15"),
        ({"web": (30.0, -signal.SIGKILL)}, "web took 30.0 s, web ended with -9"),
    ],
)
def test_only_a_clean_end_in_time_is_one(ends: dict[str, tuple[float, int]], wrong: str) -> None:
    assert judge_ends(ends) == wrong


def test_recovery_is_the_longest_wait_from_a_kill_and_from_the_end_of_a_lasting_fault() -> None:
    told = [Told("one_bot", 1, n, NOW + n, n) for n in range(1, 7)]
    answered = {1: 1.1, 2: 9.0, 3: 8.0, 4: 8.5, 5: 8.6, 6: 6.1}
    arrivals = [Arrival("one_bot", each.reply, NOW + answered[each.number]) for each in told]
    killed = Incident("kill -9", "inbound", NOW + 2.5, NOW + 2.8)
    lasted = Incident("partition", "valkey", NOW + 2.5, NOW + 7.5, lasts=True)
    unfelt = Incident("kill -9", "clock", NOW + 60, NOW + 60)
    measure([killed], told, arrivals, [])
    measure([lasted, unfelt], told, arrivals, [])
    assert killed.recovery == pytest.approx(6.5)
    assert lasted.recovery == pytest.approx(1.5)
    assert unfelt.recovery is None
    measure([lasted], told, arrivals, [NOW + 8.55])  # an update killed meanwhile
    assert lasted.recovery == pytest.approx(1.0)


def test_whatever_is_left_in_redis_or_the_spool_is_found(platform: Platform) -> None:
    waiting = SimpleNamespace(get=lambda _path: {"pending": 0})
    folder = platform.settings.data_dir
    place = cast(
        Installation,
        SimpleNamespace(platform=platform, telegram=waiting, folder=folder, bots={"one_bot": 7}),
    )
    assert leftovers(place) == {}
    Intake(platform).accept(7, message(1, 5, "hello"))
    enqueue_call(platform, 7, "sendMessage", {"chat_id": 5, "text": "hello"})
    Intake(platform).give_up(7, "broken", b"{")
    platform.redis.hset(keys.update_attempts(0), "1-0", "1")
    (folder / "spool").mkdir(exist_ok=True)
    (folder / "spool" / "1.jsonl").touch()
    found = leftovers(place)
    assert {"lanes", "outboxes", "given up", "attempts", "spool", "doorbells"} == set(found)
    waiting.get = lambda _path: {"pending": 3}
    assert leftovers(place)["sandbox"] == 3


def test_a_parked_send_whose_sender_woke_late_breaks_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    late = [RIGHT[1], RIGHT[0], RIGHT[2]]
    parked = DeadLetter(kind="send", bot_id=1, error="uncertain", payload={"params": {"text": RIGHT[0].text}})
    woken = Log(late, letters=[LETTER, parked], careful=frozenset({"one_bot"}))
    assert violated(woken, monkeypatch) == set()
    assert violated(replace(woken, letters=[LETTER]), monkeypatch) == {"effects of a chat in order"}
    assert "effects of a chat in order" in violated(replace(woken, careful=frozenset()), monkeypatch)
