"""What is wrong with the installation, for the banner above every page."""

from __future__ import annotations

from typing import Any

from flask import url_for

from services.alerts.notifications.senders import unheard
from services.operations.readiness import readiness
from services.reporting.bot_condition import down_bots
from web.access import caller
from web.platform import platform


def problems() -> list[dict[str, Any]]:
    """The findings of readiness, fatal ones first, and those of the account: {code, fatal, text, page}."""
    found = sorted(readiness(platform()).findings, key=lambda finding: not finding.fatal)
    shown = [{"code": item.code, "fatal": item.fatal, "text": item.sentence, "page": ""} for item in found]
    return [*shown, *account_problems()]


def surroundings() -> dict[str, Any]:
    """What the scripts of a page hear beside its own things: what is wrong, and which bots are down."""
    return {"problems": problems(), "down": down_bots(platform(), caller())}


def account_problems() -> list[dict[str, Any]]:
    """What is wrong with the reader's own account, with the page where it is mended."""
    said = unheard(platform(), caller())
    page = url_for("panel.notifications", _anchor="destinations-title")
    return [{"code": "unheard", "fatal": False, "text": said, "page": page}] if said else []
