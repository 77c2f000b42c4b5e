"""The processes of the installation: there, leading, of one mind."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any, Final

from models import BotMode
from services.core.i18n import Text
from services.core.worker_settings import WorkerDriver
from services.fleet.health.sweep import last_sweep_age
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts
from services.operations.readiness import LATE_SWEEPS, leases
from services.platform.redis import keys

warning = partial(check, Topic.PROCESSES, Severity.WARNING)
error = partial(check, Topic.PROCESSES, Severity.ERROR)
START: Final = Text(
    "Start it: `make run`, the Procfile's line, or your supervisor's, and see its log for why it ended."
)


def _lives(facts: Facts, service: str) -> bool:
    return any(process.service == service for process in facts.processes)


def _missing(facts: Facts, service: str) -> Text | None:
    return None if _lives(facts, service) else Text("No process “{service}” is there", service=service)


@error(why=Text("Nobody answers links, webhooks and the panel."), advice=START)
def no_web(facts: Facts) -> Text | None:
    """A web process runs."""
    return _missing(facts, "web")


@error(why=Text("Updates and messages wait: bots do not answer."), advice=START)
def no_worker(facts: Facts) -> Text | None:
    """A worker runs."""
    return _missing(facts, "worker")


@error(
    why=Text(
        "Nobody checks the bots: a banned one keeps getting visitors. Clicks are not counted, notifications not sent."
    ),
    advice=START,
)
def no_clock(facts: Facts) -> Text | None:
    """A clock runs."""
    return _missing(facts, "clock")


@error(why=Text("Bots that poll get no updates."), advice=START)
def no_poller(facts: Facts) -> Text | None:
    """A poller runs where bots poll."""
    polling = [bot for bot in facts.bots if bot.mode == BotMode.POLLING and bot.desired_running]
    if not polling:
        raise NotApplicable
    return _missing(facts, "poller")


@error(why=Text("Bots' own programs are neither started nor fed."), advice=START)
def no_programs(facts: Facts) -> Text | None:
    """The process of programs runs where it is to start some."""
    if facts.settings.worker_driver is WorkerDriver.NONE:
        raise NotApplicable
    return _missing(facts, "programs")


@error(
    why=Text("Clocks are there and none of them leads: nothing is rung for."),
    advice=Text("Restart the clocks; if it stays so, look at their clocks' time and at Redis."),
)
def nobody_leads(facts: Facts) -> Text | None:
    """One of the clocks leads."""
    if not _lives(facts, "clock"):
        raise NotApplicable
    return None if "clock" in leases(facts.platform) else Text("Nobody holds the lease of the clock")


@error(
    why=Text("What you see of the bots is old: a dead one keeps its visitors."),
    advice=Text("See the log of clock and worker; a queue that is too long holds sweeps up as well."),
)
def sweep_late(facts: Facts) -> Text | None:
    """The bots were checked lately."""
    age = last_sweep_age(facts.platform)
    if age is None:
        return Text("There was none yet") if facts.bots else None
    late = age > LATE_SWEEPS * facts.settings.health_interval_seconds
    return Text("The last sweep was {n} s ago", n=round(age)) if late else None


@warning(
    why=Text(
        "One that starts again and again loses what it holds in memory each time, and its log says why."
    ),
    advice=Text("See its log: memory, a plugin that ends the process, or a setting."),
)
def process_restarts(facts: Facts) -> Text | None:
    """No process has started again and again."""
    short = Counter(process.service for process in facts.processes if process.at - process.started_at < 60)
    long = {process.service for process in facts.processes if process.at - process.started_at > 600}
    others = [service for service in short if long - {service} and service not in long]
    return Text("“{service}” began within the last minute", service=others[0]) if others else None


def _silent(facts: Facts) -> list[str]:
    redis: Any = facts.platform.redis
    names = [str(name) for name in redis.zrange(keys.processes(), 0, -1)]
    beats = redis.mget([keys.heartbeat(name) for name in names]) if names else []
    return [name for name, beat in zip(names, beats, strict=True) if not beat]


def _forget_silent(facts: Facts) -> None:
    silent = _silent(facts)
    if silent:
        facts.platform.redis.zrem(keys.processes(), *silent)


@warning(
    why=Text("Lists of processes name some that are not there."),
    advice=Text("It is removed within a minute by any process that lives."),
    remedy=_forget_silent,
)
def forgotten_heartbeats(facts: Facts) -> Text | None:
    """Every listed process has a sign of life."""
    silent = _silent(facts)
    return Text("{name} is listed and silent", name=silent[0]) if silent else None


@warning(
    why=Text("They do not share plugins: a bot behaves one way here and another there."),
    advice=Text("Give all machines the same files in PLUGINS_DIR."),
)
def plugins_differ(facts: Facts) -> Text | None:
    """All processes serve the same versions of plugins."""
    served: dict[str, set[str]] = {}
    for process in facts.processes:
        for file, told in process.figures.get("plugins", {}).items():
            served.setdefault(file, set()).add(str(told.get("hash", "")))
    mixed = [file for file, hashes in served.items() if len(hashes) > 1]
    return Text("{file} differs between processes", file=mixed[0]) if mixed else None
