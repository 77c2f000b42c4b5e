"""One run: start the installation, let people come, look again and again, judge what was seen after the warm-up."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tools.soak.ageing import DELETIONS, delete_old
from tools.soak.beside import Beside
from tools.soak.growth import FEWEST_SAMPLES, Sample, Verdict, Work, judge
from tools.soak.installation import Installation, installation
from tools.soak.log_lines import complaints
from tools.soak.plan import Plan
from tools.soak.replacing import Replacing
from tools.soak.rules import allowance_of
from tools.soak.visitors import Visitors
from tools.soak.watch import look

TELLS_SECONDS = 60.0
CAME_SHARE = 0.9  # of those that were due: some are on their way
ANSWERED_SHARE = 0.95  # of the updates, by one message each at least: fewer, and a flat line means nothing


@dataclass(frozen=True)
class Look:
    """What was seen at one moment, in seconds since the first visitor."""

    at: float
    work: Work
    values: dict[str, float]


@dataclass
class Outcome:
    """A whole run. `sent` are the messages of all bots; load averages are of the last minute, before and after."""

    plan: Plan
    looks: list[Look] = field(default_factory=list)
    sent: int = 0
    calls: dict[str, int] = field(default_factory=dict)  # of the Bot API, by method
    deleted: int = 0  # rows, by retention
    replaced: int = 0  # bots
    failed: list[str] = field(default_factory=list)  # deletions and replacements
    troubles: dict[str, int] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)  # programs that ended unasked
    complaints: dict[str, int] = field(default_factory=dict)  # warnings and errors in the log
    started_seconds: float = 0.0
    load: tuple[float, float] = (0.0, 0.0)

    @property
    def judged(self) -> list[Look]:
        """Those after the warm-up."""
        return [each for each in self.looks if each.at >= self.plan.warm_up_seconds]

    def verdicts(self) -> list[Verdict]:
        """Of every series, in the order of their names; none with too few samples. One that was not there counts as 0."""
        looks = self.judged
        if self._are_too_few:
            return []
        names = sorted({name for each in looks for name in each.values})
        return [judge(name, _samples(looks, name), allowance_of(name)) for name in names]

    @property
    def _are_too_few(self) -> bool:
        """A half more than needed: those of the first half may be nearer together than the others."""
        return len(self.judged) < 3 * FEWEST_SAMPLES

    def failures(self) -> list[str]:
        """Why the run shows nothing, beside what grew."""
        work = self.looks[-1].work if self.looks else Work()
        found = [*(f"{name} ended unasked" for name in self.ended), *self.failed]
        if self._are_too_few:
            found.append(f"{len(self.judged)} samples after the warm-up are too few")
        if self.sent < ANSWERED_SHARE * work.updates:
            found.append(f"{work.updates:,} updates were answered by {self.sent:,} messages only")
        wanted = int(self.looks[-1].at * self.plan.rate) if self.looks else self.plan.visitors
        if work.clicks < CAME_SHARE * wanted:
            found.append(f"{work.clicks:,} visitors came of {wanted:,}")
        return found


def _samples(looks: list[Look], name: str) -> list[Sample]:
    return [Sample(each.at, each.work, each.values.get(name, 0.0)) for each in looks]


def run(folder: Path, plan: Plan, say: Callable[[str], None]) -> Outcome:
    """Do what the plan says; `say` gets lines of progress."""
    outcome, before, began = Outcome(plan), os.getloadavg()[0], time.monotonic()
    with installation(folder, plan) as place:
        outcome.started_seconds = time.monotonic() - began
        bots = plan.polling_bots + plan.webhook_bots
        say(
            f"{bots} bots run after {outcome.started_seconds:.0f} s; people come for {plan.minutes:g} minutes"
        )
        visitors = Visitors(place, plan)
        visitors.start()
        try:
            _watch(place, plan, visitors, outcome, say)
        finally:
            visitors.stop()
        _sum_up(place, visitors, outcome)
    outcome.complaints = complaints(folder / "processes.log")
    outcome.load = (before, os.getloadavg()[0])
    return outcome


def _watch(
    place: Installation, plan: Plan, visitors: Visitors, outcome: Outcome, say: Callable[[str], None]
) -> None:
    """Look again and again, delete and replace beside, until the time is over or a program ends that nobody asked to."""
    tells, kept, replacing = 0.0, plan.kept_seconds, Replacing(place)
    deleting = Beside(lambda: delete_old(place, kept), kept / DELETIONS, kept)
    with deleting, Beside(replacing.once, plan.replaced_seconds, plan.replaced_seconds) as changing:
        while (at := time.monotonic() - visitors.began) < plan.seconds:
            outcome.ended = [name for name in place.programs if not place.keeper.is_running(name)]
            if outcome.ended:
                return
            outcome.looks.append(Look(at, visitors.work, look(place)))
            _write_down(place.folder, outcome.looks[-1])
            deleting.at(at)
            changing.at(at)
            if at >= tells:
                tells += TELLS_SECONDS
                say(_progress(plan, outcome))
            time.sleep(max(0.0, visitors.began + at + plan.sample_seconds - time.monotonic()))
        deleting.finish()
        changing.finish()
    outcome.deleted, outcome.replaced = deleting.done, changing.done
    outcome.failed = deleting.failures + changing.failures


def _write_down(folder: Path, seen: Look) -> None:
    """So that what was seen is there when the run ends early, too."""
    with (folder / "looks.jsonl").open("a") as file:
        file.write(json.dumps(asdict(seen)) + "\n")


def _progress(plan: Plan, outcome: Outcome) -> str:
    last = outcome.looks[-1]
    memory = ", ".join(
        f"{name.partition('/')[2]} {value:.0f}"
        for name, value in last.values.items()
        if name.startswith("memory/")
    )
    left = max(0.0, plan.seconds - last.at) / 60
    return (
        f"{last.at / 60:.0f} min, {left:.0f} to go · {last.work.clicks:,} visitors, {last.work.updates:,} updates · "
        f"MB: {memory} · {last.values['redis/keys']:,.0f} keys, {last.values['metrics/all']:,.0f} series"
    )


def _sum_up(place: Installation, visitors: Visitors, outcome: Outcome) -> None:
    stats: dict[str, Any] = place.telegram.get("/stats")
    outcome.sent = int(stats["sent"])
    outcome.calls = {method: sum(each.values()) for method, each in stats["calls"].items()}
    outcome.troubles = visitors.troubles
