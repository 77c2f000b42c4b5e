"""Where a click came from, in one word: the campaign's own word, else the ad network, else the page before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

LONGEST_SOURCE: Final = 60  # characters of an address or utm_source that are kept
# Ad ids that a network puts on its links by itself, in the order of their telling power.
AD_IDS: Final = ("gclid", "wbraid", "gbraid", "fbclid", "ttclid", "kwaiclid", "msclkid")


def source_of(params: Mapping[str, Any], referrer_host: str) -> str:
    """`utm_source` in lower case; without one the kind of the ad id (`gclid`, `fbclid` …), else the referrer's host
    without "www."; "" for a direct click."""
    named = str(params.get("utm_source") or "").strip().lower()
    if named:
        return named[:LONGEST_SOURCE]
    for kind in AD_IDS:
        if params.get(kind):
            return kind
    return referrer_host.lower().removeprefix("www.")[:LONGEST_SOURCE]
