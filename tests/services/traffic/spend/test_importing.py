"""Imports of costs: whole or not at all, gone on with after a crash, replaced by later ones, of one account alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import func, select

from models import ImportStatus, Spend, SpendImport, SpendImportPart
from services.core.errors import Conflict, InvalidInput, NotFound
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.traffic.spend import importing
from services.traffic.spend.fields import Layout, SpendLine
from services.traffic.spend.imports import (
    MOST_UNFINISHED,
    add_part,
    begin_import,
    delete_import,
    describe_import,
    get_import,
    note_spend,
)
from services.traffic.spend.writing import write_costs
from tests.services.fleet.pools.fleet import new_account

LAYOUT = Layout(day="day", campaign="campaign", amount="cost", always_source="fb", always_currency="BRL")
HEADER = "day,campaign,cost\n"


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return new_account(platform)


def bring(platform: Platform, owner: Principal, *lines: str, layout: Layout = LAYOUT) -> SpendImport:
    """An import that was brought and worked at."""
    one = begin_import(platform, owner, "costs.csv", layout, HEADER + "\n".join(lines), is_last=True)
    importing.go_on(platform, one.id)
    return get_import(platform, owner, one.id)


def amounts(platform: Platform, owner: Principal) -> dict[tuple[str, str], int]:
    with platform.database.reading() as session:
        rows = session.scalars(select(Spend).where(Spend.account_id == owner.account_id))
        return {(row.day.isoformat(), row.campaign): row.amount_micros for row in rows}


def parts_left(platform: Platform) -> int:
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).select_from(SpendImportPart)) or 0


@pytest.mark.data
def test_lines_of_one_day_are_added_up_and_a_later_import_replaces_them(
    platform: Platform, owner: Principal
) -> None:
    first = bring(
        platform, owner, "2026-11-01,a,1.10", "2026-11-01,a,2.20", "2026-11-01,b,5", "2026-11-02,a,0.01"
    )
    assert (first.status, first.lines, first.rows, first.replaced) == (ImportStatus.DONE, 4, 3, 0)
    assert first.sums == {"BRL": 8_310_000}
    second = bring(platform, owner, "2026-11-01,a,4", "2026-11-01,b,5", "2026-11-03,a,1")
    assert (second.rows, second.replaced) == (3, 1), "an amount that is the same replaces nothing"
    assert amounts(platform, owner) == {
        ("2026-11-01", "a"): 4_000_000,
        ("2026-11-01", "b"): 5_000_000,
        ("2026-11-02", "a"): 10_000,
        ("2026-11-03", "a"): 1_000_000,
    }
    delete_import(platform, owner, first.id)
    assert ("2026-11-02", "a") not in amounts(platform, owner), "what it brought goes"
    assert amounts(platform, owner)["2026-11-01", "a"] == 4_000_000, "what replaced it stays"
    assert parts_left(platform) == 0


@pytest.mark.data
def test_a_table_with_a_mistake_changes_nothing_and_names_it(platform: Platform, owner: Principal) -> None:
    bring(platform, owner, "2026-11-01,a,1")
    failed = bring(platform, owner, "2026-11-01,a,2", "2026-11-01,b,x", "day,c,3")
    assert failed.status == ImportStatus.FAILED
    said = [(each["line"], each["column"], each["code"]) for each in describe_import(failed)["problems"]]
    assert said == [(3, "cost", "spend_amount_wrong"), (4, "day", "spend_day_wrong")]
    assert amounts(platform, owner) == {("2026-11-01", "a"): 1_000_000}
    assert parts_left(platform) == 0


def test_two_currencies_of_one_thing_and_an_empty_table_are_refused(
    platform: Platform, owner: Principal
) -> None:
    layout = LAYOUT.model_copy(update={"campaign": "", "currency": "campaign", "always_currency": ""})
    mixed = bring(platform, owner, "2026-11-01,BRL,1", "2026-11-01,USD,1", layout=layout)
    assert [each["code"] for each in mixed.problems] == ["spend_two_currencies"]
    assert [each["code"] for each in bring(platform, owner).problems] == ["spend_empty"]


@pytest.mark.data
def test_what_died_between_two_steps_is_gone_on_with(
    platform: Platform, owner: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", 2)
    written = []
    write = write_costs

    def dies_once(*arguments: object) -> int:
        written.append(1)
        if len(written) == 3:
            raise MemoryError
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(importing, "write_costs", dies_once)
    lines = [f"2026-11-{day:02d},a,{day}" for day in range(1, 10)]
    one = begin_import(platform, owner, "costs.csv", LAYOUT, HEADER + "\n".join(lines), is_last=True)
    with pytest.raises(MemoryError):
        importing.go_on(platform, one.id)
    half = get_import(platform, owner, one.id)
    assert (half.status, half.written, half.rows) == (ImportStatus.WRITING, 4, 9)
    importing.go_on(platform, one.id)
    assert get_import(platform, owner, one.id).status == ImportStatus.DONE
    assert sum(amounts(platform, owner).values()) == 45_000_000
    assert len(written) == 6, "the steps that were committed were not made again"


def test_a_later_import_waits_for_the_earlier_one(platform: Platform, owner: Principal) -> None:
    first, second = (
        begin_import(platform, owner, name, LAYOUT, f"{HEADER}2026-11-01,a,{name}\n", is_last=True)
        for name in ("1", "2")
    )
    importing.go_on(platform, second.id)
    assert amounts(platform, owner) == {}
    importing.go_on(platform, first.id)
    importing.go_on(platform, second.id)
    assert amounts(platform, owner) == {("2026-11-01", "a"): 2_000_000}


def test_parts_come_in_order_once_and_nothing_after_the_last(platform: Platform, owner: Principal) -> None:
    one = begin_import(platform, owner, "costs.csv", LAYOUT, f"{HEADER}2026-11-01,a,1\n2026-1", is_last=False)
    with pytest.raises(Conflict) as early:
        add_part(platform, owner, one.id, 2, "x", is_last=False)
    assert early.value.code == "part_missing"
    for _ in range(2):  # the answer to the first was lost
        add_part(platform, owner, one.id, 1, "1-02,a,2\n", is_last=False)
    importing.go_on(platform, one.id)
    assert amounts(platform, owner) == {}, "it is not complete"
    add_part(platform, owner, one.id, 2, "2026-11-03,a,3\n", is_last=True)
    with pytest.raises(Conflict) as late:
        add_part(platform, owner, one.id, 3, "2026-11-04,a,4\n", is_last=True)
    assert late.value.code == "import_complete"
    importing.go_on(platform, one.id)
    assert sum(amounts(platform, owner).values()) == 6_000_000


def lines(*said: tuple[str, str, str]) -> Iterator[SpendLine]:
    for day, campaign, amount in said:
        yield SpendLine(
            day=date.fromisoformat(day), source="FB", campaign=campaign, amount=amount, currency="BRL"
        )


def test_a_program_notes_costs_at_once_and_others_do_not_see_them(
    platform: Platform, owner: Principal
) -> None:
    stranger = new_account(platform)
    one = note_spend(platform, owner, list(lines(("2026-11-01", "a", "1.5"), ("2026-11-01", "a", "1"))))
    assert (one.status, one.rows, one.sums) == (ImportStatus.DONE, 1, {"BRL": 2_500_000})
    note_spend(platform, stranger, list(lines(("2026-11-01", "a", "9"))))
    assert amounts(platform, owner) == {("2026-11-01", "a"): 2_500_000}
    for act in (get_import, delete_import):
        with pytest.raises(NotFound):
            act(platform, stranger, one.id)
    with pytest.raises(InvalidInput) as wrong:
        note_spend(platform, owner, list(lines(("2026-11-01", "a", "1"), ("2026-11-01", "a", "x"))))
    assert (wrong.value.code, wrong.value.field) == ("spend_amount_wrong", "lines.1")


def test_an_import_that_somebody_is_at_is_left_to_them_and_a_process_that_stops_leaves_it(
    platform: Platform, owner: Principal
) -> None:
    one = begin_import(platform, owner, "costs.csv", LAYOUT, f"{HEADER}2026-11-01,a,1\n", is_last=True)
    held = platform.leases.take(f"spend:{one.id}")
    assert held is not None
    importing.go_on(platform, one.id)
    platform.redis.delete("rq:queue:default")  # as a worker takes what was rung for at the beginning
    importing.wake_if_importing(platform)
    assert (amounts(platform, owner), platform.redis.llen("rq:queue:default")) == ({}, 0)
    held.release()
    importing.wake_if_importing(platform)
    assert platform.redis.llen("rq:queue:default") == 1
    stopping = threading.Event()
    stopping.set()
    importing.go_on(platform, one.id, stopping)
    assert get_import(platform, owner, one.id).status == ImportStatus.READING
    importing.go_on(platform, one.id)
    assert amounts(platform, owner) == {("2026-11-01", "a"): 1_000_000}


def test_no_more_than_a_few_imports_are_under_way(platform: Platform, owner: Principal) -> None:
    begun = [
        begin_import(platform, owner, "x", LAYOUT, HEADER, is_last=False) for _ in range(MOST_UNFINISHED)
    ]
    with pytest.raises(Conflict) as refused:
        begin_import(platform, owner, "x", LAYOUT, HEADER, is_last=False)
    assert refused.value.code == "imports_unfinished"
    begin_import(platform, new_account(platform), "x", LAYOUT, HEADER, is_last=False)
    delete_import(platform, owner, begun[0].id)
    begin_import(platform, owner, "x", LAYOUT, HEADER, is_last=False)
