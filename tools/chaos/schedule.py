"""The order of attack: waves of updates, each with its faults, fixed by plan and seed."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from services.core.fault_injection import CrashPoint
from tools.chaos import faults, hosts
from tools.chaos.faults import Fault
from tools.chaos.installation import Installation
from tools.chaos.plan import Plan
from tools.chaos.releases import WAVE_SECONDS as RELEASE_SECONDS
from tools.chaos.releases import deploy_and_take_back


@dataclass
class Wave:
    """So many updates, one of them perhaps of a special word, and faults one after the other while they come in."""

    updates: int = 0
    special: str = ""
    faults: list[tuple[float, Fault]] = field(default_factory=list)  # seconds into the wave
    before: Callable[[Installation], None] | None = None  # what its faults need, before people write
    kills: int = 0
    seconds: float = 0.0  # over which its updates are sent in; 0: as long as the plan says
    lasts: float = 0.0  # seconds that its faults take beside those of any wave
    slowly: bool = False  # the handlers of its updates take their time


CRASHES = {
    CrashPoint.INTAKE_AFTER_APPEND: "web",
    CrashPoint.DRAIN_BEFORE_COMMIT: "inbound",
    CrashPoint.SEND_BEFORE_HTTP: "outbound",
    CrashPoint.SEND_AFTER_HTTP: "outbound",
}


def schedule(plan: Plan) -> list[Wave]:
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
            wave.kills += 1
    singles = [Wave(faults=[(0.2 * plan.wave_seconds, each)], lasts=lasts) for lasts, each in _singles(plan)]
    for victim in _sleepers(plan):  # people write all the time, so that it shows when somebody takes over
        attack = faults.sleep(victim, plan.stops)
        singles.append(Wave(faults=[(0.0, attack)], seconds=plan.stops, lasts=plan.stops))
    # Kills again and again while the same innocent updates are in hand, beside one that is guilty.
    singles += [
        Wave(
            faults=[(0.5, faults.storm(plan.storm_kills))],
            special="die",
            slowly=True,
            lasts=20.0,
            kills=plan.storm_kills,
        )
        for _ in range(plan.storms)
    ]
    if plan.host_seconds:
        lasts = plan.host_seconds + hosts.START_SECONDS + hosts.AFTER_SECONDS
        for harm in (hosts.freeze, hosts.cut_off, hosts.power_off):
            attack = harm(plan.host_seconds)
            singles.append(Wave(faults=[(0.0, attack)], before=attack.prepare, seconds=lasts, lasts=lasts))
    if plan.releases:
        singles.append(
            Wave(faults=[(0.0, deploy_and_take_back)], seconds=RELEASE_SECONDS, lasts=RELEASE_SECONDS)
        )
    for wave in singles:
        waves.insert(chance.randrange(1, len(waves) + 1), wave)
    for word in ["fail", "odd"] * plan.failing + ["die"] * plan.poisons:
        free = [wave for wave in waves if not wave.special]
        chance.choice([wave for wave in free if not wave.lasts] or free).special = word
    for index, wave in enumerate(waves):
        wave.updates = plan.updates * (index + 1) // len(waves) - plan.updates * index // len(waves)
        wave.faults.sort(key=lambda fault: fault[0])
    return waves


def _sleepers(plan: Plan) -> tuple[str, ...]:
    if not plan.stops:
        return ()
    return ("outbound", "inbound") if plan.stops > 10 else ("outbound",)


def _singles(plan: Plan) -> list[tuple[float, Fault]]:
    """Faults that have a wave of their own, with the seconds that each lasts about."""
    found: list[tuple[float, Fault]] = [(each, faults.partition("valkey", each)) for each in plan.partitions]
    if plan.crash_points:
        found += [(10.0, faults.crash(victim, point)) for point, victim in CRASHES.items()]
    found.append((10.0, faults.terminate_all))
    if plan.locked_seconds:
        found.append((plan.locked_seconds, faults.database_away(plan.locked_seconds)))
    if plan.locked_seconds and plan.database == "postgresql":
        found += [(3.0, faults.database_restarted(number)) for number in (signal.SIGINT, signal.SIGKILL)]
        found.append((plan.locked_seconds, faults.lose("database", plan.locked_seconds)))
    if plan.away_seconds:
        found += _outages(plan.away_seconds)
    if plan.api_seconds:
        share = {"probability": 0.3, "retry_after": 1}
        name = f"429 to 30 % for {plan.api_seconds:g} s"
        found.append((plan.api_seconds, faults.api_errors(name, plan.api_seconds, kind="429", **share)))
    return found


def _outages(seconds: float) -> list[tuple[float, Fault]]:
    accepted = {"kind": "reset", "applied": True, "count": 20}
    return [
        (seconds, faults.memory_full(seconds)),
        (seconds, faults.cut("valkey", seconds)),
        (seconds, faults.slow("valkey", seconds, 0.02)),
        (seconds, faults.slow("api", seconds, 0.2)),
        (seconds, faults.lose("valkey", seconds)),
        (seconds, faults.lose("api", seconds)),
        (2.0, faults.cut("api", 2.0)),
        (5.0, faults.partition("api", 5.0)),
        (4.0, faults.api_errors("500 to all for 4 s", 4.0, kind="status", status=500)),
        (2.0, faults.api_errors("reset after accept", 2.0, **accepted)),
    ]
