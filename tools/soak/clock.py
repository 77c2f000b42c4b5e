"""The clock process of a long run: slow ticks come SOAK_FACTOR times as often. `python -m tools.soak.clock`."""
# jobs.clock patches before every other import

import jobs.clock  # isort: skip

import os
from dataclasses import replace

from jobs.schedule import Tick, ticks
from services.platform.platform import Platform

SCALED_FROM_SECONDS = 30.0  # what comes more often than that is quick already


def hurried(platform: Platform) -> tuple[Tick, ...]:
    """The timetable of the clock with its slow ticks nearer together."""
    factor = float(os.environ["SOAK_FACTOR"])
    return tuple(
        replace(each, seconds=each.seconds / factor) if each.seconds >= SCALED_FROM_SECONDS else each
        for each in ticks(platform)
    )


if __name__ == "__main__":
    jobs.clock.ticks = hurried  # type: ignore[attr-defined]  # its main takes it from there
    jobs.clock.main()
