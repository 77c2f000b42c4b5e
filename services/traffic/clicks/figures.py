"""What is counted and traced of an answered click."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Final

from prometheus_client import Counter

from services.core import tracing
from services.core.metrics import REDIRECT_SECONDS, REDIRECTS
from services.traffic.clicks.pending import PendingClick, RecordResult

# Of a click's milliseconds: one in eight is timed, for a histogram costs more than all other counting here.
TIMED_MASK: Final = 0b111


def click_answered(click: PendingClick, written: RecordResult, outcome: str) -> None:
    """Note a click that was answered just now; `outcome` is the label of `redirects_total`."""
    redirect_counter(click.slug, outcome).inc()
    if not int(click.at * 1000) & TIMED_MASK:
        REDIRECT_SECONDS.observe(max(0.0, time.time() - click.at))
    if tracing.current is not None:
        _trace(tracing.current, click, written, outcome)


def _trace(traces: tracing.Tracing, click: PendingClick, written: RecordResult, outcome: str) -> None:
    strategy, _, tier = click.reason.rpartition("/")
    traces.clicked(
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
