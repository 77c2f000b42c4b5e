"""The order of attack: waves of updates, each with its faults, fixed by plan and seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from chaos import faults
from chaos.faults import Fault
from chaos.plan import Plan


@dataclass
class Wave:
    """So many updates, one of them perhaps of a special word, and faults one after the other while they come in."""

    updates: int = 0
    special: str = ""
    faults: list[tuple[float, Fault]] = field(default_factory=list)  # seconds into the wave


def schedule(plan: Plan, crash_points: tuple[tuple[str, str], ...] = ()) -> list[Wave]:
    """All waves of a plan."""
    chance = random.Random(plan.seed)
    waves = [Wave() for _ in range(max(plan.kills, plan.valkey_kills, plan.other_kills))]
    for victim, number in (
        ("inbound", plan.kills),
        ("outbound", plan.kills),
        ("web", plan.kills),
        ("valkey", plan.valkey_kills),
        ("clock", plan.other_kills),
        ("poller", plan.other_kills),
    ):
        for wave in chance.sample(waves, number):
            wave.faults.append((chance.uniform(0.05, 0.8) * plan.wave_seconds, faults.kill(victim)))
    for single in _singles(plan, crash_points):
        waves.insert(chance.randrange(1, len(waves) + 1), Wave(faults=[(0.2 * plan.wave_seconds, single)]))
    for word in ["fail"] * plan.failing + ["die"] * plan.poisons:
        chance.choice([wave for wave in waves if not wave.special]).special = word
    for index, wave in enumerate(waves):
        wave.updates = plan.updates * (index + 1) // len(waves) - plan.updates * index // len(waves)
        wave.faults.sort(key=lambda fault: fault[0])
    return waves


def _singles(plan: Plan, crash_points: tuple[tuple[str, str], ...]) -> list[Fault]:
    """Faults that have a wave of their own."""
    found: list[Fault] = [faults.partition("valkey", seconds) for seconds in plan.partitions]
    found += [faults.crash(victim, point) for victim, point in crash_points]
    found.append(faults.terminate_all)
    if plan.stops:
        found.append(faults.sleep("outbound", plan.stops))
    if plan.stops > 10:
        found.append(faults.sleep("inbound", plan.stops))
    if plan.away_seconds:
        away = plan.away_seconds
        found += [
            faults.database_away(away),
            faults.memory_full(away),
            faults.cut("valkey", away),
            faults.slow("valkey", away, 0.02),
            faults.slow("api", away, 0.2),
            faults.lose("valkey", away),
            faults.cut("api", 2.0),
            faults.partition("api", 5.0),
            faults.api_errors("500 to all", 4.0, kind="status", status=500),
            faults.api_errors("reset after accept", 2.0, kind="reset", applied=True, count=20),
        ]
    if plan.api_seconds:
        share = {"probability": 0.3, "retry_after": 1}
        found.append(
            faults.api_errors(
                f"429 to 30 % for {plan.api_seconds:g} s", plan.api_seconds, kind="429", **share
            )
        )
    return found
