"""The roll: the schema first, while the former release serves, then its processes one by one."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tools.chaos.installation import until
from tools.chaos.upgrade.founding import Upgraded

ORDER = ("worker", "web", "clock", "poller", "programs")
DRAIN_SECONDS = 2.0  # between the balancer's order and the end, for requests that are on their way
STEADY_SECONDS = 3.0  # between two steps, in which both releases serve


@dataclass
class Course:
    """What the roll took and met."""

    began: float = field(default_factory=time.time)  # epoch s
    ended: float = 0.0
    migration: float = 0.0  # s
    ends: dict[str, tuple[float, int]] = field(default_factory=dict)  # s after SIGTERM, exit code
    former_stayed_ready: bool = True  # on the schema of the next


def roll(place: Upgraded, say: Callable[[str], None], steady: float, is_told: bool) -> Course:
    """Bring the installation to the next release, with `steady` s before, after, and between the steps.

    Unless the balancer `is_told`, the former web process ends while requests still come to it.
    """
    course = Course()
    place.gates["next"].is_open = not is_told
    time.sleep(steady)
    _migrate(place, course, say)
    time.sleep(steady)
    course.former_stayed_ready = place.is_ready("former")
    for name in ORDER:
        began = time.monotonic()
        _start(place, name)
        started = time.monotonic() - began
        if name == "web" and is_told:
            place.gates["next"].is_open = True
            place.gates["former"].is_open = False
            time.sleep(DRAIN_SECONDS)
        _end(place, name, started, course, say)
        time.sleep(steady)
    course.ended = time.time()
    return course


def _migrate(place: Upgraded, course: Course, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    lines = place.migrate()
    course.migration = time.monotonic() - began
    for line in lines:
        say(f"  {line}")
    say(f"schema of the next release after {course.migration:.1f} s; the former one serves on it")


def _start(place: Upgraded, name: str) -> None:
    """Start the next release's process, wait until it serves."""
    after = f"{name}-next"
    place.keeper.start(after)
    until(partial(place.keeper.heeds, after, signal.SIGTERM), f"{after} did not start")
    if name == "web":
        until(lambda: place.is_ready("next"), f"{after} is not ready")


def _end(place: Upgraded, name: str, started: float, course: Course, say: Callable[[str], None]) -> None:
    """End the former one by SIGTERM."""
    ends = place.keeper.stop(f"{name}-former")
    course.ends |= ends
    took, code = ends.get(f"{name}-former", (0.0, 0))
    what = f"{name}: the next one serves after {started:.1f} s"
    what += (
        f", the former one out after {took:.1f} s with {code}" if ends else "; the former release had none"
    )
    say(what)
