"""Clicking on public links: agents, what came back, what was written down."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from flask.testing import FlaskClient

from services.platform.platform import Platform
from services.platform.redis import keys

PERSON = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def bots_of(locations: list[str]) -> Counter[str]:
    """How often each bot was chosen."""
    return Counter(location.split("/")[3].partition("?")[0] for location in locations)


def go(client: FlaskClient, slug: str, times: int = 1, **kwargs: Any) -> list[str]:
    """Click so many times; where each click was sent."""
    return [client.get(f"/go/{slug}", **kwargs).headers["Location"] for _ in range(times)]


def stream(platform: Platform) -> list[dict[str, Any]]:
    """The clicks that wait to be flushed."""
    entries: Any = platform.redis.xrange(keys.click_stream())
    return [{**json.loads(fields["d"]), "over": fields["o"]} for _, fields in entries]
