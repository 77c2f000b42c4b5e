"""How long people waited because of a fault."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tools.chaos.load import Told
from tools.chaos.recorder import Arrival, Incident

SHADOW_SECONDS = 5.0  # who writes so soon after a fault may meet it as well
LONGEST_SECONDS = 300.0  # nobody waits longer than a run's patience with all its faults
HELD_SECONDS = 45.0  # how long an update that fails or kills holds its chat, at most


@dataclass(frozen=True)
class Wait:
    """An answer: when its text was sent in and when it first arrived (epoch s)."""

    asked: float
    answered: float
    reply: str


def measure(
    incidents: Sequence[Incident], told: Sequence[Told], arrivals: Sequence[Arrival], deaths: Sequence[float]
) -> None:
    """Fill in the recovery of each incident. Waits that met one of `deaths`, by an update that kills, are left out."""
    waits = _waits(told, arrivals)
    asked = [wait.asked for wait in waits]
    begins = sorted(incident.at for incident in incidents)
    for incident in incidents:
        begin = incident.counted_from
        following = begins[bisect_right(begins, begin)] if begins[-1] > begin else float("inf")
        outage = min((each.at for each in incidents if each.lasts and each.at > begin), default=float("inf"))
        first = bisect_left(asked, begin - LONGEST_SECONDS)
        last = bisect_right(asked, min(begin + SHADOW_SECONDS, following))
        caused = [
            (wait.answered - max(begin, wait.asked), wait.reply)
            for wait in waits[first:last]
            # Who wrote after the fault and met an outage as well is counted there.
            if wait.answered > begin
            and (wait.asked <= begin or wait.answered < outage)
            and not any(begin < death < wait.answered for death in deaths)
        ]
        if caused:
            incident.recovery, incident.slowest = max(caused)


def _waits(told: Sequence[Told], arrivals: Sequence[Arrival]) -> list[Wait]:
    """Those that were answered, by the moment of asking, without those behind an update that fails or kills."""
    first: dict[str, float] = {}
    for arrival in arrivals:
        first.setdefault(arrival.text, arrival.at)
    held: dict[tuple[str, int], float] = {}
    found: list[Wait] = []
    for each in sorted(told, key=lambda each: each.at):
        if each.word != "tell":
            held[each.bot, each.chat] = each.at
        elif each.reply in first and each.at - held.get((each.bot, each.chat), float("-inf")) >= HELD_SECONDS:
            found.append(Wait(each.at, first[each.reply], each.reply))
    return found
