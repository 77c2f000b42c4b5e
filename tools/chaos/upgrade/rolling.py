"""The roll: the schema first, while the former release serves, then its processes one by one."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tools.chaos.installation import until
from tools.chaos.upgrade.founding import Upgraded, is_ready

ORDER = ("worker", "web", "clock", "poller", "programs")
STEADY_SECONDS = 3.0  # between two steps, in which both releases serve


@dataclass
class Course:
    """What the roll took and met."""

    began: float = field(default_factory=time.time)  # epoch s
    ended: float = 0.0
    migration: float = 0.0  # s
    steps: list[str] = field(default_factory=list)
    ends: dict[str, tuple[float, int]] = field(default_factory=dict)  # s after SIGTERM, exit code
    former_stayed_ready: bool = True  # on the schema of the next


def roll(place: Upgraded, say: Callable[[str], None], steady: float = STEADY_SECONDS) -> Course:
    """Bring the installation to the next release, with `steady` s before, after, and between the steps."""
    course = Course()
    time.sleep(steady)
    _migrate(place, course, say)
    time.sleep(steady)
    course.former_stayed_ready = is_ready(place.web_ports["former"])
    for name in ORDER:
        _replace(place, name, course, say)
        time.sleep(steady)
    course.ended = time.time()
    return course


def _migrate(place: Upgraded, course: Course, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    lines = place.run(place.next, "db", "upgrade").splitlines()
    course.migration = time.monotonic() - began
    for line in lines:
        say(f"  {line}")
    say(f"schema of the next release after {course.migration:.1f} s; the former one serves on it")


def _replace(place: Upgraded, name: str, course: Course, say: Callable[[str], None]) -> None:
    """Start the next release's process, wait until it serves, end the former one's by SIGTERM."""
    keeper, former, after = place.keeper, f"{name}-former", f"{name}-next"
    began = time.monotonic()
    keeper.start(after)
    until(partial(keeper.heeds, after, signal.SIGTERM), f"{after} did not start")
    if name == "web":
        until(lambda: is_ready(place.web_ports["next"]), f"{after} is not ready")
    started = time.monotonic() - began
    ends = keeper.stop(former)  # which knows of no balancer: it is told nothing, as by most hosts
    course.ends |= ends
    took, code = ends.get(former, (0.0, 0))
    what = f"{name}: the next one serves after {started:.1f} s"
    what += (
        f", the former one out after {took:.1f} s with {code}" if ends else "; the former release had none"
    )
    course.steps.append(what)
    say(what)
