"""What is wrong with the installation, for the banner above every page."""

from __future__ import annotations

from typing import Any

from services.operations.readiness import readiness
from web.platform import platform


def problems() -> list[dict[str, Any]]:
    """The findings of readiness, fatal ones first: {code, fatal, text}."""
    found = sorted(readiness(platform()).findings, key=lambda finding: not finding.fatal)
    return [{"code": item.code, "fatal": item.fatal, "text": item.sentence} for item in found]
