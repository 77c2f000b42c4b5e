"""Judges a run by the generator's book and the sandbox's journal: the table of invariants."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import select

from chaos.book import Book, Incident
from chaos.installation import Installation
from chaos.load import Load, Told
from chaos.plan import Plan
from models import DeadLetter

DEATHS_SECONDS = (
    45.0  # an update that kills does so three times; recovery from other kills is not measured meanwhile
)
HELD_SECONDS = 30.0  # how long a failing update holds its chat, at most


@dataclass(frozen=True)
class Invariant:
    """One row: what, how often it was violated, out of how many, what was seen."""

    name: str
    violations: int
    trials: int
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """The tables of a run."""

    invariants: list[Invariant]
    incidents: list[Incident]
    updates: int
    messages: int

    @property
    def holds(self) -> bool:
        """Whether nothing was violated."""
        return not any(each.violations for each in self.invariants)


def check(
    place: Installation, plan: Plan, book: Book, load: Load, left: dict[str, int], rest: float
) -> Verdict:
    """Judge everything at rest."""
    letters = _letters(place)
    for incident in book.incidents:
        incident.recovery = _recovery(incident, load.told, book)
    given_up = Counter((names(place)[letter.bot_id or 0], _chat(letter)) for letter in letters["send"])
    invariants = [
        *_effects(load, book, given_up),
        _order(load, book),
        _redelivered(load, book),
        _extra(book, plan),
        _uncertain(book, place),
        Invariant(
            "left over 30 s after the last fault", sum(left.values()), 1, _seen(left) or f"{rest:.1f} s"
        ),
        _poison(load, letters["update"]),
        _other_letters(letters, book),
        _strangers(load, book),
        _ends(book),
    ]
    return Verdict(invariants, book.incidents, len(load.told), len(book.arrivals))


def names(place: Installation) -> dict[int, str]:
    """Row id -> username."""
    return {row: name for name, row in place.bots.items()}


def _letters(place: Installation) -> dict[str, list[DeadLetter]]:
    found: dict[str, list[DeadLetter]] = {"update": [], "send": [], "job": [], "intake": []}
    with place.platform.database.reading() as session:
        for letter in session.scalars(select(DeadLetter)):
            found[letter.kind].append(letter)
    return found


def _chat(letter: DeadLetter) -> str:
    return str(letter.payload.get("chat", ""))


def _effects(load: Load, book: Book, given_up: Counter[tuple[str, str]]) -> list[Invariant]:
    """Every accepted update took effect once: its answer carries the right count."""
    tells = [each for each in load.told if each.word == "tell"]
    missing = [each for each in tells if each.reply not in book.texts]
    excused = 0
    for each in list(missing):  # a send given up after lost answers is a dead letter, not a loss
        if given_up[each.bot, str(each.chat)] > 0:
            given_up[each.bot, str(each.chat)] -= 1
            missing.remove(each)
            excused += 1
    right = {each.reply for each in tells}
    wrong = [text for text in book.texts if text not in right]
    detail = f"{excused} sends are dead letters after lost answers" if excused else ""
    return [
        Invariant("every accepted update took effect", len(missing), len(tells), _first(missing) or detail),
        Invariant(
            "took effect once (count in the chat's state)", len(wrong), len(book.texts), _seen(wrong[:2])
        ),
    ]


def _order(load: Load, book: Book) -> Invariant:
    place_of = {each.reply: each for each in load.told if each.word == "tell"}
    latest: dict[tuple[str, int], int] = defaultdict(int)
    seen: set[str] = set()
    wrong: list[str] = []
    for arrival in book.arrivals:
        told = place_of.get(arrival.text)
        if told is None or arrival.text in seen:  # a repetition comes later by its nature
            continue
        seen.add(arrival.text)
        if told.number < latest[told.bot, told.chat]:
            wrong.append(arrival.text)
        latest[told.bot, told.chat] = max(told.number, latest[told.bot, told.chat])
    return Invariant("effects of a chat in order", len(wrong), len(seen), _seen(wrong[:2]))


def _redelivered(load: Load, book: Book) -> Invariant:
    """An update done twice counts twice in its chat, so the text of its second answer differs from the first."""
    answers: dict[str, set[str]] = defaultdict(set)
    for text in book.texts:
        answers[text.partition(" = ")[0]].add(text)
    doubled = [sorted(each) for each in answers.values() if len(each) > 1]
    return Invariant(
        "redelivered update_ids add no effect", len(doubled), load.redelivered, _seen(doubled[:1])
    )


def extra_sends(book: Book) -> dict[str, int]:
    """Texts that arrived more than once, and how often too many."""
    return {text: number - 1 for text, number in book.texts.items() if number > 1}


def _extra(book: Book, plan: Plan) -> Invariant:
    """A message may come twice only if it was in flight at a kill, or its answer was lost."""
    in_flight = set().union(*(incident.in_flight for incident in book.incidents))
    windows = [(each.at - 1, each.until + 30) for each in book.incidents if each.loses_answers]
    moments: dict[str, float] = {}
    for arrival in book.arrivals:
        moments.setdefault(arrival.text, arrival.at)
    extra = extra_sends(book)
    excused = {
        text
        for text in extra
        if text in in_flight or any(begin <= moments[text] <= end for begin, end in windows)
    }
    wrong = list(extra) if plan.at_most_once else [text for text in extra if text not in excused]
    kills = sum(incident.is_kill for incident in book.incidents)
    at_kills = sum(number for text, number in extra.items() if text in in_flight)
    detail = (
        f"{sum(extra.values())} extra, {at_kills} of them of {len(in_flight)} in flight at {kills} kills: "
        f"{at_kills / max(1, kills):.2f} a kill"
    )
    name = "extra sends (at_most_once: none)" if plan.at_most_once else "extra sends only of those in flight"
    return Invariant(name, len(wrong), len(book.texts), f"{detail} {_seen(wrong[:2])}".rstrip())


def _uncertain(book: Book, place: Installation) -> Invariant:
    """Repeats after lost answers: one each at most."""
    in_flight = set().union(*(incident.in_flight for incident in book.incidents))
    repeats = {text: number for text, number in extra_sends(book).items() if text not in in_flight}
    many = [text for text, number in repeats.items() if number > 1]
    return Invariant(
        "at most one repeat after a lost answer", len(many), max(1, len(repeats)), _seen(many[:2])
    )


def _poison(load: Load, letters: list[DeadLetter]) -> Invariant:
    special = [each for each in load.told if each.word != "tell"]
    sources = Counter(letter.source_id for letter in letters)
    wrong = abs(len(sources) - len(special)) + sum(number - 1 for number in sources.values())
    kinds = Counter(each.word for each in special)
    return Invariant(
        "an update that kills or fails: one dead letter",
        wrong,
        len(special),
        f"{dict(kinds)}, {len(letters)} letters",
    )


def _other_letters(letters: dict[str, list[DeadLetter]], book: Book) -> Invariant:
    """Jobs never fail, and sends only after lost answers."""
    wrong = [*letters["job"], *letters["intake"]]
    if not any(incident.loses_answers for incident in book.incidents):
        wrong += letters["send"]
    detail = wrong[0].error if wrong else ""
    return Invariant("no other dead letters", len(wrong), 1, detail[:160])


def _strangers(load: Load, book: Book) -> Invariant:
    wrong = [each.text for each in book.arrivals if not each.text.startswith(f"{each.bot} ")]
    return Invariant("nothing of one bot under another", len(wrong), len(book.arrivals), _seen(wrong[:2]))


def _ends(book: Book) -> Invariant:
    wrong = [each for each in book.incidents if "VIOLATED" in each.note]
    notes = [f"{each.name} {each.victim}: {each.note}" for each in book.incidents if each.note]
    return Invariant("SIGTERM under load: out in time, exit code 0", len(wrong), 1, "; ".join(notes[:3]))


def _recovery(incident: Incident, told: list[Told], book: Book) -> float | None:
    """From the fault until everything that waited for an answer then had it; None when nothing waited."""
    deaths = [each.at for each in told if each.word == "die"]
    if any(-HELD_SECONDS < incident.at - at < DEATHS_SECONDS for at in deaths):
        return None
    first: dict[str, float] = {}
    for arrival in book.arrivals:
        first.setdefault(arrival.text, arrival.at)
    held: dict[tuple[str, int], float] = {}
    for each in told:
        if each.word != "tell":
            held[each.bot, each.chat] = each.at
    waits = [
        first[each.reply] - incident.at
        for each in told
        if each.word == "tell"
        and each.at <= incident.at
        and first.get(each.reply, 0.0) > incident.at
        and not 0 <= each.at - held.get((each.bot, each.chat), each.at + 1) < HELD_SECONDS
    ]
    return max(waits) if waits else None


def _first(told: list[Told]) -> str:
    return "; ".join(f"{each.bot} {each.text} at {each.at:.1f}" for each in told[:3])


def _seen(values: object) -> str:
    return str(values) if values else ""
