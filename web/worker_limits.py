"""How often, and how many times at once, a bot's own program may ask: it has a right token, and neighbours."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

from flask import Blueprint, current_app, g

from services.core.errors import RateLimited
from services.core.i18n import Text
from web.access import worker
from web.limiter import hashed, limiter, look_first
from web.platform import platform

PLACES: Final = "flotilla.worker_places"
TAKEN: Final = "worker_place"  # in `g`
BUSY_SECONDS: Final = 1.0


class Places:
    """How many requests of each bot's program are under way in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[int] = Counter()

    def take(self, bot_id: int, most: int) -> bool:
        """Whether there was a place."""
        with self._lock:
            if self._taken[bot_id] >= most:
                return False
            self._taken[bot_id] += 1
            return True

    def leave(self, bot_id: int) -> None:
        """Give a place back."""
        with self._lock:
            self._taken[bot_id] -= 1
            if not self._taken[bot_id]:
                del self._taken[bot_id]


def _rate() -> str:
    limit = platform().settings.worker_requests_per_minute
    return f"{limit} per minute" if limit else ""


# One object for all applications: Flask-Limiter keeps limits of blueprints by name, each object once.
RATE: Final = limiter.shared_limit(
    _rate,
    "worker",
    key_func=lambda: hashed("worker", str(worker().bot_id)),
    exempt_when=lambda: "worker" not in g,
)


def limit_programs(blueprint: Blueprint, *, looks: bool = False) -> None:
    """Bound the requests of programs to a blueprint's routes. It `looks` unless its limits are looked at already."""
    RATE(blueprint)
    if looks:
        look_first(blueprint)
    blueprint.before_request(_take_place)
    blueprint.teardown_request(_leave_place)


def _take_place() -> None:
    if "worker" not in g:
        return
    most = platform().settings.worker_requests_at_once
    if most and not _places().take(worker().bot_id, most):
        raise RateLimited(
            Text("This program has {most} requests under way already", most=most),
            code="worker_busy",
            retry_after=BUSY_SECONDS,
        )
    setattr(g, TAKEN, bool(most))


def _leave_place(_error: BaseException | None) -> None:
    if g.pop(TAKEN, False):
        _places().leave(worker().bot_id)


def _places() -> Places:
    known: Places | None = current_app.extensions.get(PLACES)
    return known or current_app.extensions.setdefault(PLACES, Places())
