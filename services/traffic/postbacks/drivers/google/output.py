"""Offline conversions as the file that Google Ads imports (support.google.com/google-ads/answer/7014069)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Final
from zoneinfo import ZoneInfo

from plugins.goals import decimal_of
from services.traffic.postbacks.drivers.google.config import GoogleConfig
from services.traffic.postbacks.facts import EventFacts

HEADER: Final = (
    "Google Click ID",
    "Conversion Name",
    "Conversion Time",
    "Conversion Value",
    "Conversion Currency",
)
GCLID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{4,199}")


def lines(config: GoogleConfig, events: Iterable[EventFacts]) -> Iterator[str]:
    """The header, and a line for each goal that came from a click of Google's; refunds are none.

    The time carries its zone, so there is no row of parameters.
    """
    yield _line(HEADER)
    zone = ZoneInfo(config.time_zone)
    for facts in events:
        gclid = facts.param("gclid")
        if not GCLID.fullmatch(gclid) or facts.is_refund:
            continue
        told = config.in_money(
            facts
        )  # without a worth the conversion has the value that Google's own settings give it
        value = "" if told is None or told.amount_micros is None else decimal_of(told.amount_micros)
        at = facts.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S%z")
        yield _line(
            (gclid, config.names.get(facts.goal, facts.goal), at, value, told.currency if told else "")
        )


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
