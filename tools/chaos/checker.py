"""Judges a run by the generator's book and the sandbox's journal: the table of invariants."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from models import DeadLetter
from tools.chaos.installation import Installation, Place
from tools.chaos.load import Load, Told
from tools.chaos.recorder import KILLS, Incident, Recorder
from tools.chaos.recovery import measure


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
    extra: dict[str, int]  # text -> how often it arrived too many

    @property
    def holds(self) -> bool:
        """Whether nothing was violated."""
        return not any(each.violations for each in self.invariants)


def check(place: Installation, book: Recorder, load: Load, left: dict[str, int], rest: float) -> Verdict:
    """Judge everything at rest. `left` is what `remains` found, `rest` the seconds it took."""
    letters = dead_letters(place)
    deaths = [at for at, name in place.keeper.own_deaths if name.startswith("inbound")]
    measure(book.incidents, load.told, book.arrivals, deaths)
    invariants = [
        *effects(load, book, letters["send"]),
        order(load, book, _parked(letters["send"], place)),
        redelivered(load, book),
        _extra(book, place.careful),
        _extra_of_the_careful(book, place.careful),
        _uncertain(book),
        Invariant(
            "left over 30 s after the last fault", sum(left.values()), 1, _seen(left) or f"{rest:.1f} s"
        ),
        _poison(load, letters["update"]),
        _other_letters(letters, book, place),
        _strangers(book),
        *_faults(book),
    ]
    return Verdict(invariants, book.incidents, len(load.told), len(book.arrivals), extra_sends(book))


def dead_letters(place: Place) -> dict[str, list[DeadLetter]]:
    """All dead letters by kind."""
    found: dict[str, list[DeadLetter]] = {"update": [], "send": [], "job": [], "intake": []}
    with place.platform.database.reading() as session:
        for letter in session.scalars(select(DeadLetter)):
            found[letter.kind].append(letter)
    return found


def effects(load: Load, book: Recorder, given_up: list[DeadLetter]) -> list[Invariant]:
    """Every accepted update took effect once: its answer carries the right count."""
    tells = [each for each in load.told if each.word == "tell"]
    # A send given up after a lost answer, or parked, is a dead letter, not a loss.
    parked = {_text(letter) for letter in given_up}
    unseen = [each for each in tells if each.reply not in book.texts]
    missing = [each for each in unseen if each.reply not in parked]
    right = {each.reply for each in tells}
    wrong = [text for text in book.texts if text not in right]
    excused = len(unseen) - len(missing)
    detail = f"{excused} of them as dead letters of uncertain sends" if excused else ""
    return [
        Invariant("every accepted update took effect", len(missing), len(tells), _first(missing) or detail),
        Invariant(
            "took effect once (count in the chat's state)", len(wrong), len(book.texts), _seen(wrong[:2])
        ),
    ]


def order(load: Load, book: Recorder, parked: set[str]) -> Invariant:
    """The first answers of a chat arrive in the order in which it wrote.

    Left out: sends of at_most_once bots that were parked. Whoever held one, stopped before its request left, sends it
    when it wakes; nobody could call it back, and the chat has gone on since.
    """
    place_of = {each.reply: each for each in load.told if each.word == "tell"}
    latest: dict[tuple[str, int], int] = defaultdict(int)
    seen: set[str] = set()
    wrong: list[str] = []
    for arrival in book.arrivals:
        told = place_of.get(arrival.text)
        if (
            told is None or arrival.text in seen or arrival.text in parked
        ):  # a repetition comes later by its nature
            continue
        seen.add(arrival.text)
        if told.number < latest[told.bot, told.chat]:
            wrong.append(arrival.text)
        latest[told.bot, told.chat] = max(told.number, latest[told.bot, told.chat])
    return Invariant("effects of a chat in order", len(wrong), len(seen), _seen(wrong[:2]))


def _parked(given_up: list[DeadLetter], place: Installation) -> set[str]:
    """The texts that bots with at_most_once did not send again."""
    careful = {place.bots[name] for name in place.careful}
    return {_text(letter) for letter in given_up if letter.bot_id in careful}


def _text(letter: DeadLetter) -> str:
    return str(letter.payload.get("params", {}).get("text"))


def redelivered(load: Load, book: Recorder) -> Invariant:
    """An update done twice counts twice in its chat, so the text of its second answer differs from the first."""
    answers: dict[str, set[str]] = defaultdict(set)
    for text in book.texts:
        answers[text.partition(" = ")[0]].add(text)
    doubled = [sorted(each) for each in answers.values() if len(each) > 1]
    return Invariant(
        "redelivered update_ids add no effect", len(doubled), load.redelivered, _seen(doubled[:1])
    )


def extra_sends(book: Recorder) -> dict[str, int]:
    """Texts that arrived more than once, and how often too many."""
    return {text: number - 1 for text, number in book.texts.items() if number > 1}


def _extra(book: Recorder, careful: frozenset[str]) -> Invariant:
    """A message may come twice only if it was in flight at a kill, or its answer was lost."""
    in_flight = _in_flight(book.incidents)
    windows = [(each.at - 1, each.until + 30) for each in book.incidents if each.loses_answers]
    moments: dict[str, float] = {}
    for arrival in book.arrivals:
        moments.setdefault(arrival.text, arrival.at)
    extra = {text: number for text, number in extra_sends(book).items() if _bot(text) not in careful}
    wrong = [
        text
        for text in extra
        if text not in in_flight and not any(begin <= moments[text] <= end for begin, end in windows)
    ]
    kills = [incident for incident in book.incidents if incident.name in KILLS]
    flown = {text for text in _in_flight(kills) if _bot(text) not in careful}
    at_kills = sum(number for text, number in extra.items() if text in flown)
    detail = (
        f"{at_kills} extra of {len(flown)} in flight at {len(kills)} kills: {at_kills / max(1, len(kills)):.2f} "
        f"a kill; {sum(extra.values()) - at_kills} at crash points, stops and lost answers"
    )
    trials = sum(_bot(text) not in careful for text in book.texts)
    seen = f"{detail} {_seen(wrong[:2])}".rstrip()
    return Invariant("extra sends only of those in flight", len(wrong), trials, seen)


def _extra_of_the_careful(book: Recorder, careful: frozenset[str]) -> Invariant:
    """A bot with at_most_once sends nothing twice, whatever happens."""
    wrong = [text for text in extra_sends(book) if _bot(text) in careful]
    trials = sum(_bot(text) in careful for text in book.texts)
    flown = sum(_bot(text) in careful for text in _in_flight(book.incidents))
    detail = _seen(wrong[:2]) or f"{flown} in flight at kills"
    return Invariant("extra sends of at_most_once bots", len(wrong), trials, detail)


def _in_flight(incidents: Sequence[Incident]) -> set[str]:
    return set().union(*(incident.in_flight for incident in incidents))


def _bot(text: str) -> str:
    return text.partition(" ")[0]


def _uncertain(book: Recorder) -> Invariant:
    """Repeats after lost answers: one each at most."""
    in_flight = _in_flight(book.incidents)
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
    innocent = [letter for letter in letters if '"tell ' in json.dumps(letter.payload)]
    named = "".join(f"; innocent: {letter.error}: {letter.payload}"[:400] for letter in innocent[:2])
    return Invariant(
        "an update that kills or fails: one dead letter",
        wrong,
        len(special),
        f"{dict(kinds)}, {len(letters)} letters{named}",
    )


def _other_letters(letters: dict[str, list[DeadLetter]], book: Recorder, place: Installation) -> Invariant:
    """Jobs never fail, and sends only after lost answers, or of bots that rather park than repeat."""
    careful = {place.bots[name] for name in place.careful}
    wrong = [*letters["job"], *letters["intake"]]
    if not any(incident.loses_answers for incident in book.incidents):
        wrong += [each for each in letters["send"] if each.bot_id not in careful]
    detail = wrong[0].error if wrong else ""
    return Invariant("no other dead letters", len(wrong), 1, detail[:160])


def _strangers(book: Recorder) -> Invariant:
    wrong = [each.text for each in book.arrivals if not each.text.startswith(f"{each.bot} ")]
    return Invariant("nothing of one bot under another", len(wrong), len(book.arrivals), _seen(wrong[:2]))


def _faults(book: Recorder) -> list[Invariant]:
    """What a fault itself shows: how the programs end, whether a crash came."""
    ends = [each for each in book.incidents if each.name == "SIGTERM"]
    others = [each for each in book.incidents if each.name != "SIGTERM"]
    rows = (
        ("SIGTERM of all: out within 25 s, exit code 0", ends),
        ("crash points met, old beside new, leases held", [e for e in others if e.note or e.violation]),
    )
    return [
        Invariant(
            name,
            sum(bool(each.violation) for each in incidents),
            len(incidents),
            "; ".join(each.violation for each in incidents if each.violation)
            or "; ".join(each.note for each in incidents),
        )
        for name, incidents in rows
    ]


def _first(told: list[Told]) -> str:
    return "; ".join(f"{each.bot} {each.text} at {each.at:.1f}" for each in told[:3])


def _seen(values: object) -> str:
    return str(values) if values else ""
