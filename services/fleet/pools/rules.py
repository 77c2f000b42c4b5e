"""Rules of a link: ordered conditions -> another pool. Pure; a fact that is not known abstains.

A condition is met, not met, or undecided. A rule takes effect when all of its conditions are met: an undecided one
never sends anybody anywhere, not even by a negation.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from services.core.states import Device
from services.core.validation_texts import refusal


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What is known of a click; "" and None mean unknown. `now` is aware."""

    now: datetime
    country: str = ""
    language: str = ""
    device: str = ""
    query: Mapping[str, str] | None = None


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise refusal("time_zone_unknown") from None
    return name


def _wall_clock(moment: time) -> time:
    if moment.tzinfo is not None:
        raise refusal("time_with_offset")
    return moment


# Not JSON Schema's "time", which wants an offset.
CLOCK = {
    "type": "string",
    "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$",
    "examples": ["22:00"],
}
WallClock = Annotated[time, AfterValidator(_wall_clock), WithJsonSchema(CLOCK)]
logger = logging.getLogger(__name__)
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
Param = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]
Value = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Schedule(BaseModel):
    """Days of the week (1 = Monday) and a span of the zone's clock; a span that ends before it begins goes over
    midnight and belongs to the day it began on."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    days: frozenset[Annotated[int, Field(ge=1, le=7)]] = Field(frozenset(range(1, 8)), min_length=1)
    begin: WallClock = time(0)
    end: WallClock = time(0)  # the same as `begin`: the whole day
    tz: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    def holds(self, now: datetime) -> bool:
        """Whether `now` lies inside."""
        local = now.astimezone(ZoneInfo(self.tz))
        clock, day = local.time(), local.isoweekday()
        if self.begin == self.end:
            return day in self.days
        if self.begin < self.end:
            return day in self.days and self.begin <= clock < self.end
        yesterday = 7 if day == 1 else day - 1
        return (day in self.days and clock >= self.begin) or (yesterday in self.days and clock < self.end)


class Conditions(BaseModel):
    """What must all be met. At least one; a language without region stands for all of its regions."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    countries: frozenset[Country] | None = Field(None, min_length=1, max_length=250)
    not_countries: frozenset[Country] | None = Field(None, min_length=1, max_length=250)
    languages: frozenset[Language] | None = Field(None, min_length=1, max_length=100)
    devices: frozenset[Literal[Device.PHONE, Device.TABLET, Device.DESKTOP]] | None = Field(
        None, min_length=1
    )
    query: dict[Param, Value] | None = Field(None, min_length=1, max_length=10)
    schedule: Schedule | None = None

    def verdict(self, facts: RuleFacts) -> bool | None:
        """True when all are met, False when one is not, None when it hangs on something unknown."""
        verdicts = list(self._verdicts(facts))
        if not verdicts or False in verdicts:
            return False
        return None if None in verdicts else True

    def stored(self) -> dict[str, Any]:
        """The conditions as JSON for a row or a snapshot, without what is not asked, always in the same order."""
        held = self.model_dump(mode="json", exclude_none=True)
        return {name: _ordered(value) for name, value in held.items()}

    def _verdicts(self, facts: RuleFacts) -> list[bool | None]:
        found: list[bool | None] = []
        if self.countries is not None:
            found.append(facts.country in self.countries if facts.country else None)
        if self.not_countries is not None:
            found.append(facts.country not in self.not_countries if facts.country else None)
        if self.languages is not None:
            spoken = {facts.language, facts.language.partition("-")[0]}
            found.append(bool(spoken & self.languages) if facts.language else None)
        if self.devices is not None:
            known = facts.device and facts.device != Device.OTHER
            found.append(facts.device in self.devices if known else None)
        if self.query is not None:
            found.append(_holds(self.query, facts.query))
        if self.schedule is not None:
            found.append(self.schedule.holds(facts.now))
        return found


@dataclass(frozen=True, slots=True)
class Rule:
    """Whoever meets the conditions goes to the pool. `id` is the row's, 0 while there is none."""

    conditions: Conditions
    pool_id: int
    id: int = 0


def matching(rules: Sequence[Rule], facts: RuleFacts) -> Rule | None:
    """The first rule whose conditions are all met; None when no rule says anything."""
    for rule in rules:
        if rule.conditions.verdict(facts):
            return rule
    return None


def _ordered(value: Any) -> Any:
    """Sets have no order and their JSON must: else the same rules would look changed."""
    if isinstance(value, dict):
        return {name: _ordered(one) for name, one in value.items()}
    return sorted(value) if isinstance(value, list) else value


def _holds(wanted: Mapping[str, str], query: Mapping[str, str] | None) -> bool | None:
    if query is None:
        return None
    return all(query.get(name, "").lower() == value.lower() for name, value in wanted.items())


def read_rule(number: int, pool_id: int, stored: Mapping[str, Any]) -> Rule | None:
    """A stored rule; None, with a log line, when this release cannot read it: one rule must not take the link down."""
    try:
        return Rule(read_conditions(stored), pool_id, number)
    except ValueError:
        logger.error("a rule is not readable and left out", extra={"rule_id": number})
        return None


def read_conditions(stored: Mapping[str, Any]) -> Conditions:
    """The conditions in a row. Raises pydantic's ValidationError (a ValueError) when they are none."""
    return Conditions.model_validate(stored)
