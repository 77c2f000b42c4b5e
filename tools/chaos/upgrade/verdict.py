"""Judges an upgrade by what visitors were answered, what is in the database, the balancer's log and the sandbox's journal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import text

from tools.chaos.checker import Invariant, dead_letters, effects, extra_sends, order, redelivered
from tools.chaos.faults import judge_ends
from tools.chaos.load import Load
from tools.chaos.recorder import Recorder
from tools.chaos.report import percentile
from tools.chaos.upgrade import balancer
from tools.chaos.upgrade.clicks import Answer
from tools.chaos.upgrade.founding import Upgraded
from tools.chaos.upgrade.rolling import Course


@dataclass(frozen=True)
class Stored:
    """What the database says of clicks: each row's id, and how many the hourly sums count."""

    rows: frozenset[str]
    counted: int


def stored(place: Upgraded) -> Stored:
    """Read it."""
    with place.platform.database.engine.connect() as connection:
        rows = frozenset(str(name) for name in connection.scalars(text("SELECT id FROM clicks")))
        counted = connection.scalar(text("SELECT COALESCE(SUM(clicks), 0) FROM click_rollups"))
    return Stored(rows, int(counted or 0))


def judge(
    place: Upgraded, book: Recorder, load: Load, answers: list[Answer], course: Course, left: dict[str, int]
) -> list[Invariant]:
    """Everything at rest."""
    letters = dead_letters(place)
    # Those of before are the former release's own, from its first minute.
    given_up = [each for kind in letters.values() for each in kind if each.at.timestamp() >= course.began]
    extra = extra_sends(book)
    return [
        *clicks(answers, stored(place)),
        *served(balancer.answers(place.folder / "balancer")),
        *effects(load, book, letters["send"]),
        order(load, book, parked=set()),
        redelivered(load, book),
        Invariant("no message was sent twice", sum(extra.values()), len(book.texts), _seen(list(extra)[:2])),
        Invariant("no dead letters", len(given_up), 1, given_up[0].error[:160] if given_up else ""),
        Invariant("nothing left over", sum(left.values()), 1, _seen(left)),
        Invariant(
            "out within 25 s, exit code 0",
            int(bool(judge_ends(course.ends))),
            len(course.ends),
            judge_ends(course.ends),
        ),
        Invariant("no process died", len(place.keeper.own_deaths), 1, _seen(place.keeper.own_deaths[:2])),
    ]


def clicks(answers: list[Answer], found: Stored) -> list[Invariant]:
    """Every visitor was led to a bot, and every click that was given out is in the database once."""
    failed = [each for each in answers if each.status == 0]
    wrong = [each for each in answers if each.status and (each.status != 302 or not each.click)]
    told = Counter(each.click for each in answers if each.click)
    twice = sum(number - 1 for number in told.values())
    lost = [click for click in told if click not in found.rows]
    return [
        Invariant("visitors without an answer", len(failed), len(answers), failed[0].error if failed else ""),
        Invariant("visitors not led to a bot", len(wrong), len(answers), _statuses(wrong)),
        Invariant("clicks lost", len(lost), len(told), _seen(lost[:2])),
        Invariant(
            "clicks given out or counted twice", twice + max(0, found.counted - len(found.rows)), len(told)
        ),
        Invariant("clicks not counted", max(0, len(found.rows) - found.counted), len(found.rows)),
    ]


def served(by_path: dict[str, Counter[int]]) -> list[Invariant]:
    """What the balancer answered: 5xx are its own too, where no process took a request."""
    rows = []
    for part in ("go", "webhook"):
        statuses = by_path.get(part, Counter())
        wrong = {status: number for status, number in statuses.items() if status >= 500 or status == 0}
        rows.append(Invariant(f"5xx to /{part}", sum(wrong.values()), statuses.total(), _seen(wrong)))
    return rows


def waits(answers: list[Answer], begin: float, end: float) -> str:
    """How long visitors waited between two moments (epoch s)."""
    times = sorted(each.seconds * 1000 for each in answers if begin <= each.at < end)
    parts = ", ".join(f"p{part} {percentile(times, part):.0f} ms" for part in (50, 95, 99))
    return f"{len(times):,} clicks, {parts}, max {max(times, default=0):.0f} ms"


def _statuses(answers: list[Answer]) -> str:
    return _seen(dict(Counter(each.status for each in answers)))


def _seen(values: object) -> str:
    return str(values) if values else ""
