"""The road of a click: slug -> pool -> bot -> written down -> where to send the visitor.

No SQL and no Telegram; one Redis round trip, shared with the clicks beside it; none at all while Redis is away.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models import OverLimit, Strategy
from services.core.metrics import RATE_LIMIT_HITS
from services.fleet.pools.choose import Prepared, choose, prepare
from services.fleet.pools.fallbacks import LONGEST_CHAIN
from services.fleet.pools.load_tracker import LoadTracker
from services.fleet.pools.model import PoolSnapshot
from services.fleet.pools.pool_cache import PoolCache
from services.fleet.pools.routing import RouteDecision, decide
from services.fleet.pools.start_payload import new_token, start_payload
from services.platform.platform import Platform
from services.platform.redis.connection import fast_client
from services.platform.redis.windows import Window
from services.traffic.clicks.access_log import AccessLog, access_folder
from services.traffic.clicks.facts import ClickFacts, DailyHash, country_variable, read_facts, rule_facts
from services.traffic.clicks.figures import click_answered, redirect_counter
from services.traffic.clicks.pending import PendingClick, RecordResult
from services.traffic.clicks.record import Recorder
from services.traffic.clicks.spool import Spool

MINUTE = 60
ANSWER_SECONDS = 1.0  # a Redis that keeps a click waiting longer counts as away
_quoted = json.encoder.encode_basestring_ascii


class Kind(StrEnum):
    """What the visitor gets."""

    BOT = "bot"
    FALLBACK = "fallback"  # the pool's fallback address
    UNAVAILABLE = "unavailable"  # 503: nobody may serve and there is no fallback
    LIMITED = "limited"  # 429
    UNKNOWN = "unknown"  # 404


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one click. `new_visitor` is the cookie to set, if any; `retry_after` is in seconds.

    `window` is what the click's client has used of `limit` requests; None where the click could not have been refused.
    """

    kind: Kind
    location: str = ""
    new_visitor: str = ""
    retry_after: int = 0
    click_id: str = ""
    limit: int = 0
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Who serves a pool's visitors now: candidates (its own or those of a fallback pool), an address, or nobody."""

    prepared: Prepared | None
    url: str
    reason: str
    outcome: str  # the label of `redirects_total`
    valid_until: float

    @property
    def offers_nothing(self) -> bool:
        """Whether visitors would see an error page."""
        return self.prepared is None and not self.url


@dataclass(frozen=True, slots=True)
class RoutedPool:
    """The pool that a click was given to by a rule or an experiment of its link."""

    link_id: int
    pool: PoolSnapshot
    sent: RouteDecision

    @property
    def cause(self) -> str:
        """The part of the click's JSON that says so."""
        return f'"link":{self.link_id},"rule":{self.sent.rule_id},"experiment":{self.sent.experiment_id},'


UNKNOWN = Outcome(Kind.UNKNOWN)
RETRY_UNAVAILABLE = 15  # seconds


class Redirector:
    """Answers clicks in one process. `start` (once; the first click does it at the latest) fills the cache of pools."""

    def __init__(self, platform: Platform) -> None:
        settings = platform.settings
        self._switches = platform.switches
        self.book = PoolCache(platform)
        self.loads = LoadTracker(platform, self.book)
        self.redis = fast_client(settings, timeout_seconds=ANSWER_SECONDS, shares=False)
        self.recorder = Recorder(self.redis, Spool(settings.data_dir / "spool"), platform.changes.memory)
        self.access_log = AccessLog(
            access_folder(settings.data_dir), settings.access_log_retention_days, enabled=settings.access_log
        )
        self._link = settings.telegram_link_url
        self._country_from = country_variable(settings)
        self._slow_start = settings.slow_start_seconds
        self._hash = DailyHash(lambda day: platform.vault.signature("client", str(day)))
        self._routes: dict[int, tuple[PoolSnapshot, Mapping[int, PoolSnapshot], Route]] = {}
        self._started = False
        self._starting = threading.Lock()

    def start(self) -> None:
        """Fill the cache of pools and start the background threads; calling it again does nothing."""
        with self._starting:
            if not self._started:
                self.book.start()
                self.loads.start()
                self.recorder.start()
                self.access_log.start()
                self._started = True

    def stop(self) -> None:
        """End the background threads and close the connections."""
        self.book.stop()
        self.loads.stop()
        self.recorder.stop()
        self.access_log.stop()
        self.redis.close()

    def answer(self, slug: str, environ: Mapping[str, Any]) -> Outcome:
        """Decide, write down and answer one request to `/go/<slug>` from its WSGI environment."""
        if not self._started:
            self.start()
        pool = self.book.get(slug.lower())
        if pool is None:
            redirect_counter("", "unknown").inc()
            return UNKNOWN
        now = time.time()
        facts = self.facts(environ, now)
        way = pool.routing and self.routed_pool(pool, facts, environ)
        serving = way.pool if way else pool
        route = self.route(serving, now)
        click = self._pending(pool, serving, way.cause if way else "", route, facts)
        written = self.recorder.record(click)
        new_visitor = facts.visitor if facts.is_human and not facts.has_cookie else ""
        outcome = self._outcome(serving, route, click, written, new_visitor)
        if self.access_log.enabled:
            self.access_log.note(now, pool.slug, click.id, outcome.kind, environ)
        return outcome

    def facts(self, environ: Mapping[str, Any], now: float) -> ClickFacts:
        """The facts of a request at `now` (epoch seconds)."""
        return read_facts(environ, now, country_from=self._country_from, keyed_hash=self._hash)

    def route(self, pool: PoolSnapshot, now: float) -> Route:
        """Who serves this pool now; remembered until the pools change or a slow start goes on."""
        pools = self.book.by_id_map
        known = self._routes.get(pool.id)
        if known is not None and known[1] is pools and known[2].valid_until > now:
            return known[2]
        route = find_route(pool, pools, now, self._slow_start)
        self._routes[pool.id] = (pool, pools, route)
        return route

    def routed_pool(
        self, link: PoolSnapshot, facts: ClickFacts, environ: Mapping[str, Any]
    ) -> RoutedPool | None:
        """The pool that a rule or an experiment of `link` gives this visitor to; None: the link's own.

        A paused link sends nobody on: it answers with its fallback. A pool that can offer nothing, not even a
        fallback, leaves its visitors to the link's own.
        """
        if link.routing is None or not link.is_active:
            return None
        sent = decide(link.routing, rule_facts(facts, environ), facts.visitor)
        pool = self.book.by_id(sent.pool_id) if sent else None
        if sent is None or pool is None or self.route(pool, facts.at).offers_nothing:
            return None
        return RoutedPool(link.id, pool, sent)

    def _pending(
        self,
        link: PoolSnapshot,
        pool: PoolSnapshot,
        cause: str,
        route: Route,
        facts: ClickFacts,
    ) -> PendingClick:
        prepared = route.prepared
        rotation = prepared.listed if prepared and prepared.rotates else ""
        bot_id = self._choose(prepared, facts) if prepared and not rotation else 0
        token = new_token()
        return PendingClick(
            id=token,
            entry=_entry(token, pool, cause, route, bot_id, facts),
            slug=link.slug,
            reason=route.reason,
            audience=facts.audience,
            at=facts.at,
            pool_id=link.id,
            # What machines ask for takes nothing from the people behind the same address.
            client=facts.client if facts.is_human else f"{facts.client}~",
            limit=self._switches.lowered(link.rate_limit_per_minute),
            reject=link.over_limit is OverLimit.REJECT or not facts.is_human,
            rotation=rotation,
            rotation_pool_id=prepared.pool.id if prepared else 0,
            steps=facts.is_human,
            counts_load=bot_id > 0 and facts.is_human and _balances_load(prepared),
            bot_id=bot_id,
        )

    def _choose(self, prepared: Prepared, facts: ClickFacts) -> int:
        balance = self.loads.of(prepared.pool)
        chosen = choose(prepared, visitor=facts.visitor, balance=balance, chance=random.random())
        if facts.is_human and _balances_load(prepared):
            self.loads.count(prepared.pool.id, prepared.candidates, chosen.bot_id)
        return chosen.bot_id

    def _outcome(
        self, pool: PoolSnapshot, route: Route, click: PendingClick, written: RecordResult, new_visitor: str
    ) -> Outcome:
        if written.count > click.limit:
            RATE_LIMIT_HITS.labels("redirect").inc()
        used = (click.limit, _window(click, written))
        if written.rejected:
            self.recorder.refusals.add(click.pool_id, click.at)
            click_answered(click, written, "limited")
            return Outcome(Kind.LIMITED, "", "", MINUTE - int(click.at) % MINUTE, "", *used)
        click_answered(click, written, route.outcome)
        if route.prepared is not None:
            param = start_payload(pool.start_param, click.id if pool.tracking else "")
            username = route.prepared.usernames[written.bot_id]
            return Outcome(
                Kind.BOT, f"{self._link}/{username}?start={param}", new_visitor, 0, click.id, *used
            )
        if route.url:
            return Outcome(Kind.FALLBACK, route.url, new_visitor, 0, click.id, *used)
        return Outcome(Kind.UNAVAILABLE, "", new_visitor, RETRY_UNAVAILABLE, click.id, *used)


def _balances_load(prepared: Prepared | None) -> bool:
    return prepared is not None and prepared.pool.strategy is Strategy.LEAST_CONNECTIONS


def _window(click: PendingClick, written: RecordResult) -> Window | None:
    """What was counted of the client's minute; None for machines, without a limit that refuses, and for a click that the
    spool has let in although it counted too many (Redis may have let it in already).
    """
    held = written.rejected or 0 < written.count <= click.limit
    if not (held and click.steps and click.reject):
        return None
    return Window(written.count, (int(click.at) // MINUTE + 1) * MINUTE)


def find_route(
    pool: PoolSnapshot, pools: Mapping[int, PoolSnapshot], now: float, slow_start_seconds: float
) -> Route:
    """Who serves `pool` at `now`: itself, the first fallback pool that can, the first address on the way, or nobody."""
    url = ""
    seen: set[int] = set()
    current: PoolSnapshot | None = pool
    while current is not None and current.id not in seen and len(seen) <= LONGEST_CHAIN:
        seen.add(current.id)
        if current.is_active:
            prepared = prepare(current, now, slow_start_seconds)
            if prepared.candidates:
                own = current is pool
                reason = prepared.reason if own else f"fallback/{prepared.reason}"
                outcome = "fallback" if not own else "degraded" if prepared.tier == "degraded" else "online"
                return Route(prepared, "", reason, outcome, prepared.valid_until)
        url = url or current.fallback_url or ""
        current = pools.get(current.fallback_pool_id) if current.fallback_pool_id else None
    if url:
        return Route(None, url, "fallback/url", "fallback", float("inf"))
    outcome = "unavailable" if pool.is_active else "paused"
    return Route(None, "", f"nobody/{outcome}", outcome, float("inf"))


def _entry(
    token: str,
    pool: PoolSnapshot,
    cause: str,
    route: Route,
    bot_id: int,
    facts: ClickFacts,
) -> str:
    """The click's JSON, as `rows.parse_entry` reads it. Only two fields can hold anything that needs escaping."""
    listed = route.prepared.listed if route.prepared else ""
    visitor = facts.visitor if facts.is_human else ""
    params = ",".join([f"{_quoted(name)}:{_quoted(value)}" for name, value in facts.params.items()])
    return (
        f'{{"id":"{token}","at":{facts.at:.3f},"pool":{pool.id},"account":{pool.account_id},"bot":{bot_id},'
        f'"candidates":"{listed}",'
        f'"reason":"{route.reason}","audience":"{facts.audience}","visitor":"{visitor}","unique":"{facts.unique_hash}",'
        f'"country":"{facts.country}","device":"{facts.device}","language":"{facts.language}",'
        f'"referrer":{_quoted(facts.referrer_host)},{cause}"params":{{{params}}}}}'
    )
