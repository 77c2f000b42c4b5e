"""The formulas of all figures, each once: status, cards, panel, API and CSV all ask here, so their numbers cannot differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models import MemberStatus, PoolBot
from services.fleet.health.pool_health import counts


@dataclass(frozen=True, slots=True)
class Capacity:
    """Planned clicks an hour of the enabled, undrained members: of those online, and of all."""

    online: int
    total: int

    def used(self, redirects_hour: int) -> str:
        """The last hour's clicks in percent of what is online, as "75%"; "100%" for clicks with nobody online."""
        return percent_text(redirects_hour, self.online)

    def used_percent(self, redirects_hour: int) -> int | None:
        """The same as a number; None while nobody is online."""
        return round(100 * redirects_hour / self.online) if self.online else None

    @property
    def available(self) -> str:
        """What is online in percent of all, as "75%"."""
        return percent_text(self.online, self.total)


def capacity_of(members: Iterable[PoolBot]) -> Capacity:
    """The capacity of a pool's members."""
    counted = [member for member in members if counts(member)]
    online = sum(member.capacity_per_hour for member in counted if member.status == MemberStatus.ONLINE)
    return Capacity(online, sum(member.capacity_per_hour for member in counted))


def percentage(part: int, whole: int) -> float | None:
    """`part` of `whole` in percent with one decimal; None of nothing. Success rate, share and conversion are this."""
    return round(100 * part / whole, 1) if whole else None


def change(now: float | None, before: float | None) -> float | None:
    """By how many percent something has changed, with one decimal; None from nothing or where one is unknown."""
    return None if now is None or not before else round(100 * (now - before) / before, 1)


def percent_text(part: int, whole: int) -> str:
    """`part` of `whole` as "75%"; anything of nothing is "100%", nothing of nothing "0%"."""
    if not whole:
        return "100%" if part else "0%"
    return f"{round(100 * part / whole)}%"


def percentile(classes: Mapping[int, int], part: float) -> float | None:
    """The value below which `part` (0 to 1) of what was counted lies; None when nothing was.

    `classes` maps a class's upper bound to how many fell into it; within a class they are taken as evenly spread.
    """
    wanted = part * sum(classes.values())
    below, lower = 0, 0
    for upper, count in sorted(classes.items()):
        if count and below + count >= wanted:
            return lower + (upper - lower) * (wanted - below) / count
        below, lower = below + count, upper
    return None
