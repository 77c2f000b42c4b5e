"""Where a click came from: its source in one word, and the campaign and the ad that brought it there."""

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


def campaign_of(params: Mapping[str, Any]) -> str:
    """`utm_campaign`, without one `utm_id`, as it was written; "" without a campaign."""
    return str(params.get("utm_campaign") or params.get("utm_id") or "").strip(" ")[:LONGEST_SOURCE]


def ad_of(params: Mapping[str, Any]) -> str:
    """`utm_content`, as it was written; "" without one."""
    return str(params.get("utm_content") or "").strip(" ")[:LONGEST_SOURCE]


def path_of(*parts: str) -> str:
    """A source, its campaign and its ad as one text, so that two campaigns' ads of one name stay apart: at most 542
    characters. `parts_of` turns it back."""
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


def parts_of(path: str) -> list[str]:
    """The parts that `path_of` joined."""
    return [part.replace("%2F", "/").replace("%25", "%") for part in path.split("/")]
