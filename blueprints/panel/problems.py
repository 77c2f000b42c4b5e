"""What is wrong with the installation, in the reader's language, for the banner above every page."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from services.operations.readiness import readiness
from web.platform import platform


def problems() -> list[dict[str, Any]]:
    """The findings of readiness, fatal ones first: {code, fatal, text}."""
    known = _texts()
    found = sorted(readiness(platform()).findings, key=lambda finding: not finding.fatal)
    return [
        {"code": item.code, "fatal": item.fatal, "text": known.get(item.code, item.sentence)}
        for item in found
    ]


def _texts() -> dict[str, str]:
    return {
        "redis_away": _(
            "Redis does not answer: links keep redirecting from memory and clicks are kept on disk, but bots do not reply until it is back."
        ),
        "database_away": _(
            "The database does not answer: links keep redirecting, but nothing can be changed until it is back."
        ),
        "schema_outdated": _("The database's schema is out of date: run “flask db upgrade”."),
        "clicks_spooled": _("Clicks wait on this server's disk until they can be written to Redis."),
        "redis_evicts": _("Redis may throw clicks and updates away: set maxmemory-policy to noeviction."),
        "redis_without_aof": _("Redis keeps no append-only file: a crash loses what waits in it."),
        "no_clock": _("The clock process is not running: the bots' health is not being checked."),
        "no_worker": _("The worker process is not running: updates and messages wait."),
        "sweep_late": _("The health check of the bots is late: what you see of them may be old."),
        "lane_full": _("A queue of updates is full: Telegram is asked to deliver later."),
        "queue_lags": _("A queue lags behind by more than a minute: replies come late."),
    }
