"""A part of an account's clicks that the rollups can tell: of one pool, and by one of their dimensions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.core.errors import InvalidInput
from services.traffic.clicks.source import path_of

# A campaign stands below its source and an ad below its campaign; country and device are counted apart from these.
PATH: Final = ("source", "campaign", "ad")
APART: Final = ("country", "device")


@dataclass(frozen=True)
class Segment:
    """Which clicks; None leaves a condition out, "" is the direct or unknown ones."""

    pool_id: int | None = None
    source: str | None = None
    campaign: str | None = None
    ad: str | None = None
    country: str | None = None
    device: str | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """Source, campaign and ad as far as they are given."""
        parts = (self.source, self.campaign, self.ad)
        return tuple(part for part in parts if part is not None)

    @property
    def kept_as(self) -> tuple[str, str] | None:
        """Dimension and value that the rollups keep it by; None for all clicks of the pools."""
        if self.path:
            return PATH[len(self.path) - 1], path_of(*self.path) if len(self.path) > 1 else self.path[0]
        return next(((name, value) for name in APART if (value := getattr(self, name)) is not None), None)

    def is_kept_by(self, dimension: str) -> bool:
        """Whether its clicks can be told apart by `dimension`: by pool and time always."""
        kept = self.kept_as
        if kept is None or dimension not in (*PATH, *APART):
            return True
        return dimension == kept[0] or (dimension in PATH and kept[0] in PATH)

    def check(self, dimension: str) -> None:
        """Raise InvalidInput where the rollups do not know such a segment, or not by `dimension`."""
        for name, above in (("campaign", self.source), ("ad", self.campaign)):
            if getattr(self, name) is not None and above is None:
                raise InvalidInput(
                    "A campaign is named with its source, and an ad with its campaign",
                    code="segment_incomplete",
                    field=name,
                )
        several = [name for name in ("source", *APART) if getattr(self, name) is not None]
        if len(several) > 1:
            raise InvalidInput(
                "Sources, countries and devices are counted apart: filter by one of them",
                code="segment_not_kept",
                field=several[1],
            )
        if not self.is_kept_by(dimension):
            raise InvalidInput(
                "Sources, countries and devices are counted apart: filter by one of them",
                code="segment_not_kept",
                field="by",
            )
