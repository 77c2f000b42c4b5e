"""One log line per redirect, several thousand times a second; they hold numbers, our own words and slugs alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from services.core.logs import log_plain
from services.traffic.clicks.pending import PendingClick, RecordResult

logger = logging.getLogger("flotilla.redirects")


def log_redirects(clicks: Sequence[PendingClick], written: Sequence[RecordResult]) -> None:
    """Log where each click of a batch went: slug, bot, strategy, tier, click id, audience."""
    if logger.isEnabledFor(logging.INFO):
        log_plain(logger, "redirect", (_event(*each) for each in zip(clicks, written, strict=True)))


def _event(click: PendingClick, result: RecordResult) -> str:
    strategy, _, tier = click.reason.rpartition("/")
    return (
        f'"slug":"{click.slug}","bot_id":{_bot(result)},"strategy":"{strategy}","tier":"{tier}",'
        f'"click_id":"{click.id}","audience":"{click.audience}"'
    )


def _bot(result: RecordResult) -> str:
    return '"rejected"' if result.rejected else str(result.bot_id or "null")
