"""What is said of costs: a line of them, and how a table's columns are to be understood."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from services.traffic.clicks.source import LONGEST_SOURCE

MOST_LINES = 1000  # of one call
LONGEST_NAME = 200  # characters of a name or a column
Name = Annotated[str, Field(max_length=LONGEST_NAME)]


class SpendKey(NamedTuple):
    """What an amount is of: a day, and a source, one of its campaigns or one of that one's ads, "" where it is not said."""

    day: date
    source: str
    campaign: str
    ad: str


def key_of(day: date, source: str, campaign: str, ad: str) -> SpendKey:
    """The key under which clicks of the same names are counted (`clicks.source`): the source in small letters, all cut alike."""
    return SpendKey(
        day,
        source.strip().lower()[:LONGEST_SOURCE],
        campaign.strip(" ")[:LONGEST_SOURCE],
        ad.strip(" ")[:LONGEST_SOURCE],
    )


class SpendLine(BaseModel):
    """What something cost on a day, or from `day` to `until`; a later one of the same day and names replaces it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: date = Field(description="the first day it is about, as 2026-11-20")
    until: date | None = Field(None, description="the last day; the amount is spread evenly over all of them")
    source: Name = Field(min_length=1, description="as utm_source says it")
    campaign: Name = Field("", description="as utm_campaign says it")
    ad: Name = Field("", description="as utm_content says it")
    amount: Annotated[str, Field(max_length=30)] = Field(description="as 12.90, with at most six places")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="as BRL")


class Layout(BaseModel):
    """How a table is to be read. `day` to `currency` name its columns; "" where it has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: Literal[",", ";", "\t", "|"] = ","
    decimal: Literal[".", ","] = Field(".", description="the mark before the fraction of an amount")
    dates: Literal["ymd", "dmy", "mdy"] = Field("ymd", description="in which order a day is written")
    header_line: int = Field(1, ge=1, le=50, description="the line with the columns' names")
    day: Name = Field(min_length=1)
    until: Name = Field("", description="the last day of a line that stands for several")
    source: Name = ""
    campaign: Name = ""
    ad: Name = ""
    amount: Name = Field(min_length=1)
    currency: Name = ""
    always_source: Name = Field("", description="the source of all lines, where no column says it")
    always_currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = Field(
        "", description="the currency of all lines, where no column says it"
    )

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are named, by what they say."""
        kinds = ("day", "until", "source", "campaign", "ad", "amount", "currency")
        return {kind: name for kind in kinds if (name := getattr(self, kind))}
