"""The facts of a request to `/go`, read from its WSGI environment; nothing is looked up anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from models import Audience
from services.core.addresses import client_network
from services.core.settings import Settings
from services.core.times import from_epoch
from services.fleet.pools.rules import RuleFacts
from services.traffic.clicks.audience import LONGEST_AGENT, agent_class, audience_of

VISITOR_COOKIE = "flv"
DAY_SECONDS = 86400
LONGEST_PARAM = 200  # characters kept of a UTM or ad id
LONGEST_QUERY = 4096  # beyond it nothing is an honest advertisement
KEPT_PARAMS: Final = frozenset(
    "utm_source utm_medium utm_campaign utm_term utm_content utm_id fbclid gclid ttclid wbraid gbraid msclkid kwaiclid".split()  # noqa: SIM905
)
ESCAPED: Final = "amp;"  # what is left of "&amp;" in front of a name
LONGEST_NAME: Final = 3 * (
    len(ESCAPED) + max(map(len, KEPT_PARAMS))
)  # with a percent sign for each character
_VISITOR: Final = re.compile(rf"(?:^|;\s{{0,8}}){VISITOR_COOKIE}=([0-9A-Za-z]{{12,32}})(?:;|$)")
# Characters of a header that are read and, as keys of what was read, remembered: whoever sends longer ones fills no memory.
LONGEST_LANGUAGE: Final = 40
LONGEST_REFERRER: Final = 2000
_LANGUAGE: Final = re.compile(r"\s{0,8}([A-Za-z]{2,3})(?:-([A-Za-z]{2})\b)?")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
Hash = Callable[[str, float], str]


@dataclass(frozen=True, slots=True)
class ClickFacts:
    """What is known of one request. `client` and `unique_hash` are hashes keyed by the day, never an address.

    A visitor is a browser: known by its cookie, and while it sends none by a hash of address and agent, the same for a
    UTC day, which becomes its cookie. Statistics, experiments and sticky pools mean this visitor; `unique_hash` is made
    of it, so that those who are counted on one day cannot be joined to another's.
    """

    at: float  # epoch seconds
    audience: Audience
    client: str
    unique_hash: str
    visitor: str
    has_cookie: bool  # else the visitor is to be given as one
    device: str
    language: str
    country: str
    referrer_host: str
    params: Mapping[str, str]

    @property
    def is_human(self) -> bool:
        """Whether this click is counted and takes its turn."""
        return self.audience is Audience.HUMAN


def read_facts(environ: Mapping[str, Any], at: float, *, country_from: str, keyed_hash: Hash) -> ClickFacts:
    """The facts of the request in `environ` at `at`; `country_from` is `country_variable`, `keyed_hash` is `DailyHash`.

    REMOTE_ADDR must be the client's already: `web.proxies` sees to that.
    """
    agent = environ.get("HTTP_USER_AGENT", "")[:LONGEST_AGENT]
    address = client_network(str(environ.get("REMOTE_ADDR") or ""))
    query = environ.get("QUERY_STRING", "")
    cookie = visitor_of(environ.get("HTTP_COOKIE", ""))
    visitor = cookie or keyed_hash(f"{address} {agent}", at)
    return ClickFacts(
        at=at,
        audience=audience_of(environ),
        client=keyed_hash(address, at),
        unique_hash=keyed_hash(visitor, at),
        visitor=visitor,
        has_cookie=bool(cookie),
        device=agent_class(agent)[1],
        language=language_of(environ.get("HTTP_ACCEPT_LANGUAGE", "")[:LONGEST_LANGUAGE]),
        country=_country(environ, country_from),
        referrer_host=referrer_host(environ.get("HTTP_REFERER", "")[:LONGEST_REFERRER]),
        params=kept_params(query) if query else {},
    )


class DailyHash:
    """Hashes that cannot be turned back and that do not join one day's visitors to the next day's."""

    def __init__(self, key_of_day: Callable[[int], bytes]) -> None:
        self._key_of_day = key_of_day
        self._day = -1
        self._key = b""

    def __call__(self, text: str, at: float) -> str:
        """16 hex digits for `text` on the UTC day of `at` (epoch seconds)."""
        day = int(at) // DAY_SECONDS
        if day != self._day:
            self._key = self._key_of_day(day)
            self._day = day
        return blake2b(text.encode(errors="replace"), key=self._key, digest_size=8).hexdigest()


def visitor_of(cookies: str) -> str:
    """The visitor id in a Cookie header; "" without a sound one."""
    if VISITOR_COOKIE not in cookies:
        return ""
    found = _VISITOR.search(cookies)
    return found.group(1) if found else ""


@lru_cache(maxsize=1024)
def language_of(accept_language: str) -> str:
    """The first language of an Accept-Language header, such as "pt-BR"; "" without one."""
    found = _LANGUAGE.match(accept_language)
    if not found:
        return ""
    language, region = found.groups()
    return f"{language.lower()}-{region.upper()}" if region else language.lower()


@lru_cache(maxsize=4096)
def referrer_host(referrer: str) -> str:
    """The host of a Referer header, without port; "" when it is none."""
    if not referrer:
        return ""
    try:
        host = urlsplit(referrer).hostname or ""
    except ValueError:
        return ""
    return host[:253] if host.isprintable() else ""


def kept_params(query: str) -> dict[str, str]:
    """The UTM parameters and ad ids of a query string, each cut to 200 characters; the rest is dropped unread.

    Their names may be written in capitals, with percent signs, or behind an & that somebody escaped for HTML:
    `UTM_Source`, `utm%5Fsource`, `&amp;utm_source`.
    """
    kept = {}
    for part in query[:LONGEST_QUERY].split("&"):
        name, _, value = part.partition("=")
        name = name if name in KEPT_PARAMS else _plain_name(name)
        if value and name in KEPT_PARAMS:
            kept[name] = (
                _clean(unquote_plus(value)) if "%" in value or "+" in value else value[:LONGEST_PARAM]
            )
    return kept


def _plain_name(name: str) -> str:
    if len(name) > LONGEST_NAME:
        return ""
    return (unquote(name) if "%" in name else name).lower().removeprefix(ESCAPED)


def _clean(value: str) -> str:
    return value[:LONGEST_PARAM].replace("\0", "")


def country_variable(settings: Settings) -> str:
    """The WSGI variable that names the client's country; "" without a trusted proxy: anybody could send the header."""
    if not settings.trusted_proxies or not settings.country_header:
        return ""
    return f"HTTP_{settings.country_header.upper().replace('-', '_')}"


def rule_facts(facts: ClickFacts, environ: Mapping[str, Any]) -> RuleFacts:
    """What the rules of a link ask of a click; a query string that is too long is not known."""
    query = environ.get("QUERY_STRING", "")
    return RuleFacts(
        now=from_epoch(facts.at),
        country=facts.country,
        language=facts.language,
        device=facts.device,
        query=_rule_query(query) if len(query) <= LONGEST_QUERY else None,
    )


def _rule_query(query: str) -> dict[str, str]:
    """All parameters; the names of UTM parameters and ad ids in lower case, as they are kept."""
    found = parse_qsl(query, keep_blank_values=True)
    return {plain if (plain := _plain_name(name)) in KEPT_PARAMS else name: value for name, value in found}


def _country(environ: Mapping[str, Any], country_from: str) -> str:
    if not country_from:
        return ""
    country = environ.get(country_from, "").upper()
    return country if _COUNTRY.fullmatch(country) and country not in {"XX", "T1"} else ""
