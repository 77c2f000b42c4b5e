"""What is counted and traced of an answered click."""

from __future__ import annotations

import time
from functools import lru_cache

from prometheus_client import Counter

from services.core import tracing
from services.core.metrics import REDIRECT_CHOICES, REDIRECT_SECONDS, REDIRECTS
from services.traffic.clicks.pending import PendingClick, RecordResult


def click_answered(click: PendingClick, written: RecordResult, outcome: str) -> None:
    """Note a click that was answered just now; `outcome` is the label of `redirects_total`."""
    redirect_counter(click.slug, outcome).inc()
    REDIRECT_SECONDS.observe(max(0.0, time.time() - click.at))
    if not written.rejected:
        _choice_counter(click.reason).inc()
    if tracing.current is not None:
        strategy, _, tier = click.reason.rpartition("/")
        tracing.current.clicked(
            click.id,
            int(click.at * 1e9),
            click_id=click.id,
            pool=click.slug,
            outcome=outcome,
            strategy=strategy,
            tier=tier,
            bot_id=written.bot_id,
            audience=click.audience,
        )


@lru_cache(maxsize=4096)
def redirect_counter(slug: str, outcome: str) -> Counter:
    """The metric of a slug and outcome; looking its labels up anew costs ten times as much as counting."""
    return REDIRECTS.labels(slug, outcome)


@lru_cache(maxsize=256)
def _choice_counter(reason: str) -> Counter:
    strategy, _, tier = reason.rpartition("/")
    return REDIRECT_CHOICES.labels(strategy, tier)
