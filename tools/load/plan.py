"""How much of what a run does."""

from __future__ import annotations

from dataclasses import dataclass

LINKS = ("many", "few")  # slugs: of nearly all bots, and of the six of the second promise


@dataclass(frozen=True)
class Plan:
    """The size of a run."""

    visitors: int = 5_000
    rate: float = 20.0  # arrivals a second; each is a click and two updates
    bots: tuple[int, int] = (94, 6)  # of each link: a hundred in all
    database: str = "postgresql"
    settle_seconds: float = 120.0  # for what was accepted to be answered and stored

    @property
    def seconds(self) -> float:
        """After which no visitor comes any more: a quarter above what the arrivals take."""
        return self.visitors / self.rate * 1.25 + 5


SHORT = Plan(visitors=40, rate=20.0, bots=(3, 2), database="sqlite", settle_seconds=30.0)
