"""One log line per redirect, several thousand times a second.

Formatting a log record costs more than the whole decision. These lines hold only numbers, our own words and slugs,
so nothing needs escaping or redaction: in JSON format they are written as they are, all of a batch at once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from services.core.logs import json_stream
from services.core.times import iso, utc_now
from services.traffic.clicks.pending import PendingClick, RecordResult

logger = logging.getLogger("flotilla.redirects")


def log_redirects(clicks: Sequence[PendingClick], written: Sequence[RecordResult]) -> None:
    """Log where each click of a batch went: slug, bot, strategy, tier, click id, audience."""
    if not logger.isEnabledFor(logging.INFO):
        return
    stream = json_stream()
    pairs = zip(clicks, written, strict=True)
    if stream is None:
        for click, result in pairs:
            logger.info(
                "redirect %s -> bot %s (%s, %s)", click.slug, _bot(result), click.reason, click.audience
            )
        return
    stamp = iso(utc_now())
    stream.write("".join([_line(stamp, click, result) for click, result in pairs]))
    stream.flush()


def _line(stamp: str | None, click: PendingClick, result: RecordResult) -> str:
    strategy, _, tier = click.reason.rpartition("/")
    return (
        f'{{"timestamp":"{stamp}","level":"INFO","logger":"flotilla.redirects","message":"redirect","service":"web",'
        f'"slug":"{click.slug}","bot_id":{_bot(result)},"strategy":"{strategy}","tier":"{tier}",'
        f'"click_id":"{click.id}","audience":"{click.audience}"}}\n'
    )


def _bot(result: RecordResult) -> str:
    return '"rejected"' if result.rejected else str(result.bot_id or "null")
