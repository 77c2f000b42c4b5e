"""The address with its macros filled in."""

from __future__ import annotations

from urllib.parse import quote

from services.core.i18n import Text
from services.traffic.postbacks.drivers.driver import Network, Request, Unwanted
from services.traffic.postbacks.drivers.url.config import MACRO, UrlConfig
from services.traffic.postbacks.facts import EventFacts


def output(config: UrlConfig, _secret: str, facts: EventFacts, _network: Network) -> Request:
    """The request; Unwanted where a macro that it needs is empty."""
    values = facts.named()
    for name in config.needs:
        if not values[name]:
            raise Unwanted(Text("There is no {name} to send", name=name))
    url = MACRO.sub(lambda found: quote(values[found[1]], safe=""), config.url)
    return Request(config.method, url)
