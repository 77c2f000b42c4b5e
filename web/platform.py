"""The platform behind the current application, for views."""

from __future__ import annotations

from typing import cast

from flask import current_app

from services.platform.platform import Platform

EXTENSION = "flotilla"


def platform() -> Platform:
    """What this process serves with."""
    return cast(Platform, current_app.extensions[EXTENSION])
