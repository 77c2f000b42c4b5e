"""Times to answer at a steady rate, open loop, measured in the server, while the whole installation works beside it.

The worker flushes the clicks, the clock sweeps: what they take from the two ends of the machine is part of the figure.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path

from tools.benchmarks.driving import measure
from tools.benchmarks.figures import Figure
from tools.benchmarks.installation import Installation, installation, seed
from tools.benchmarks.load import Load, Order
from tools.benchmarks.servers import gunicorn

WARM_UP_SECONDS = 2.0
BOTS = 6


@dataclass(frozen=True)
class Steady:
    """What the driver saw, and per request the milliseconds from sending to answer and from parsing to answer."""

    load: Load
    in_server: list[float]
    in_application: list[float]

    def figures(self) -> list[Figure]:
        """The row of the table; from the sending of the request, so that nothing the server causes is left out."""
        detail = (
            f"{self.load.asked:,} clicks, {self.load.statuses}; p50 {at(self.in_server, 0.5):.2f}, p99.9 "
            f"{at(self.in_server, 0.999):.1f}, worst {at(self.in_server, 1):.1f}; in the application p99 "
            f"{at(self.in_application, 0.99):.1f}; client p50 {self.load.p50}, p99 {self.load.p99}"
        )
        value = round(at(self.in_server, 0.99), 2)
        return [Figure("p99 at a steady 500 clicks/s, server side", value, "ms", 15, 8, detail=detail)]


def at(values: list[float], share: float) -> float:
    """The value that this share of the sorted values does not exceed."""
    return values[min(len(values) - 1, int(len(values) * share))]


def run(folder: Path, seconds: float, rate: float = 500) -> Steady:
    """Measure for so many seconds in a house of its own."""
    with installation(folder) as home:
        seed(home, BOTS)
        return run_in(home, folder, seconds, rate)


def run_in(home: Installation, folder: Path, seconds: float, rate: float) -> Steady:
    """Measure in this house, by a further web process with a stop-watch."""
    times = folder / "times"
    environ = {**home.environ, "TIMES_FILE": str(times), "REDIS_URL": home.platform.settings.redis_url}
    with gunicorn("tools/benchmarks/timed_gunicorn.py", "wsgi:app", environ, folder / "web.log") as web:
        measure(Order(web.port, WARM_UP_SECONDS, rate=rate))  # without stamps: not in the readings
        load = measure(Order(web.port, seconds, rate=rate, stamped=True))
    readings = array("d")
    readings.frombytes(times.read_bytes())
    sent, parsed, answered = readings[0::3], readings[1::3], readings[2::3]
    return Steady(
        load,
        sorted((after - before) * 1000 for before, after in zip(sent, answered, strict=True)),
        sorted((after - before) * 1000 for before, after in zip(parsed, answered, strict=True)),
    )
