"""How long a run is, how much of what it does, and how much faster than a clock on the wall its days go by."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_POOL = 75  # bots of one link; a pool has a hundred at most


@dataclass(frozen=True)
class Plan:
    """The size of a run; times in real seconds where nothing else is said."""

    minutes: float = 60.0
    hours: float = 12.0  # that these minutes stand for
    polling_bots: int = 300
    webhook_bots: int = 20
    rate: float = 1.5  # visitors a second; each writes six updates
    think_seconds: float = 1.5  # between two things that a visitor does
    database: str = "postgresql"
    sample_seconds: float = 15.0
    kept_seconds: float = 240.0  # what retention keeps, instead of days
    replaced_seconds: float = 30.0  # in which a bot is deleted and a new one put in its place
    settle_seconds: float = 60.0  # of the warm-up, after the first rows have been deleted
    programs: tuple[str, ...] = ("web", "worker", "clock", "poller", "programs")  # of PROGRAMS

    @property
    def seconds(self) -> float:
        """From the first visitor to the last."""
        return self.minutes * 60

    @property
    def factor(self) -> float:
        """How many times as often as in production the slow ticks of the clock come."""
        return self.hours * 60 / self.minutes

    @property
    def warm_up_seconds(self) -> float:
        """Before this nothing is judged: caches fill, every bot is met, and retention has nothing to delete yet."""
        return max(0.3 * self.seconds, self.kept_seconds + self.settle_seconds)

    @property
    def visitors(self) -> int:
        """In all."""
        return int(self.seconds * self.rate)

    @property
    def pools(self) -> list[int]:
        """How many polling bots each link leads to; one more link leads to the bots with webhooks."""
        parts = -(-self.polling_bots // LARGEST_POOL)
        return [(self.polling_bots + each) // parts for each in range(parts)]


SHORT = Plan(
    minutes=0.2,
    hours=0.04,
    polling_bots=3,
    webhook_bots=2,
    rate=2.0,
    think_seconds=0.4,
    database="sqlite",
    sample_seconds=3.0,
    kept_seconds=4.0,
    replaced_seconds=3.0,
    settle_seconds=1.0,
    programs=("web", "worker", "poller"),
)
