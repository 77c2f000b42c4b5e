"""What the attacks are made of and judged by: they must be able to see what they are there to see."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from launch.programs import ROOT
from tools.attack import schema
from tools.attack.canaries import Canary, shown_in
from tools.attack.hostile_updates import hostile_updates
from tools.attack.long_texts import PIECES, fill
from tools.attack.report import as_markdown, as_text, holds
from tools.attack.result import SHORT, Attack, Impossible, Row, Size
from tools.attack.run import rows_of, run
from tools.attack.target import Target

HELD, NOT_HELD, SKIPPED = Row("1", "a", True), Row("2", "b", False, "c|d"), Row("", "", None, "no")


@pytest.mark.parametrize(
    ("rows", "right"),
    [([HELD], True), ([HELD, SKIPPED], True), ([HELD, NOT_HELD], False), ([SKIPPED], False), ([], False)],
)
def test_a_run_holds_when_something_was_attacked_and_nothing_gave_way(rows: list[Row], right: bool) -> None:
    assert holds(rows) is right


def test_both_tables_show_what_did_not_hold() -> None:
    assert "DID NOT HOLD" in as_text([HELD, NOT_HELD])
    assert "1 held, 1 DID NOT HOLD, 1 skipped" in as_markdown([HELD, NOT_HELD, SKIPPED])
    assert "c\\|d |" in as_markdown([NOT_HELD])


def place(dying: str = "") -> tuple[Target, Callable[[Target, Size], Iterator[Row]]]:
    """An installation in which a program dies of the attack, if one is named."""
    keeper = SimpleNamespace(own_deaths=[(1.0, "web")])

    def attack(_target: Target, _size: Size) -> Iterator[Row]:
        if dying:
            keeper.own_deaths.append((2.0, dying))
        yield HELD

    return cast(Target, SimpleNamespace(keeper=keeper, kind="sqlite")), attack


def test_a_program_that_dies_of_an_attack_is_a_row_and_one_that_was_dead_before_is_none() -> None:
    target, attack = place()
    assert [row.held for row in rows_of(target, Attack("x", attack), SHORT)] == [True]
    target, attack = place("worker")
    rows = list(rows_of(target, Attack("x", attack), SHORT))
    assert [(row.held, row.figure, row.attack) for row in rows[1:]] == [(False, "ended: worker", "x")]


def test_an_attack_that_raises_did_not_hold() -> None:
    def attack(_target: Target, _size: Size) -> Iterator[Row]:
        yield HELD
        raise ValueError("on order")

    rows = list(rows_of(place()[0], Attack("x", attack), SHORT))
    assert [row.held for row in rows] == [True, False]
    assert "ValueError: on order" in rows[1].figure


def test_what_the_machine_does_not_allow_is_skipped_and_said(tmp_path: Path) -> None:
    @contextmanager
    def forbidden(_folder: Path) -> Iterator[None]:
        raise Impossible("not here")
        yield

    attack = Attack("x", lambda _target, _size: iter(()), prepared=forbidden)
    (row,) = run(tmp_path, [attack], ["sqlite"], SHORT, lambda _line: None)
    assert (row.held, row.figure, row.attack) == (None, "not here", "x")


def test_updates_are_hostile_in_every_kind() -> None:
    updates = list(hostile_updates(SHORT))
    assert len(updates) == SHORT.updates
    assert repr(updates) == repr(list(hostile_updates(SHORT)))  # the seed's
    kinds = {kind for update in hostile_updates(Size(**{**vars(SHORT), "updates": 1500})) for kind in update}
    assert kinds >= set(schema.kinds())


@pytest.mark.parametrize("kind", schema.kinds())
def test_each_place_of_an_example_takes_another_value(kind: str) -> None:
    for event, places in schema.events(kind):
        for path in places:
            found: Any = schema.with_value(event, path, "hostile")
            for key in path:
                found = found[key]
            assert found == "hostile"


def test_the_schema_knows_the_fields_of_the_bot_api() -> None:
    assert {"message", "callback_query", "inline_query", "my_chat_member"} <= set(schema.kinds())
    (tap, places), *_ = schema.events("callback_query")
    assert {("data",), ("from", "id"), ("message", "text")} <= set(places)
    assert tap["from"]["first_name"]
    assert sum(1 for kind in schema.kinds() for _, found in schema.events(kind) for _ in found) > 5000


@pytest.mark.parametrize(
    ("content", "kind", "found"),
    [
        (b"x 12:abc y", "bot token", ["logs"]),
        (b"x 12%3Aabc y", "bot token", ["logs"]),
        (b"x abc y", "bot token", ["logs"]),
        (b"x 12 ab y", "bot token", []),
    ],
)
def test_a_secret_is_found_plain_encoded_and_by_its_half(content: bytes, kind: str, found: list[str]) -> None:
    assert list(shown_in(Canary(kind, "12:abc"), {"logs": content})) == found


def test_a_secret_may_stand_where_it_belongs() -> None:
    places = {"HTML": b"token", "logs": b"token"}
    assert list(shown_in(Canary("CSRF token", "token"), places)) == ["logs"]


@pytest.mark.parametrize("piece", PIECES)
def test_texts_are_as_long_as_wanted_whatever_they_are_made_of(piece: str) -> None:
    assert 995 < len(fill(piece, 1000).encode()) <= 1000


def test_a_shifted_program_lives_at_another_time(tmp_path: Path) -> None:
    (tmp_path / "present.py").write_text(
        "import time\nfrom datetime import UTC, datetime, timedelta\n"
        "made = datetime.fromtimestamp(0, UTC) + timedelta(days=1)\n"
        "assert isinstance(made, datetime) and isinstance(datetime.now(), datetime)\n"
        "print(time.time(), datetime.now(UTC).timestamp())\n"
    )
    command = [sys.executable, "-m", "tools.attack.shifted", "-7200", "present"]
    environ = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    printed = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.split()
    assert all(-7260 < float(moment) - time.time() < -7140 for moment in printed)
