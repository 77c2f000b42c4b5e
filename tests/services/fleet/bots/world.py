"""Helpers of the bots' tests."""

from __future__ import annotations

from sqlalchemy import func, select

from models import Base
from services.platform.platform import Platform


def elsewhere(platform: Platform, url: str) -> Platform:
    """The same installation with another Bot API server."""
    return Platform(platform.settings.model_copy(update={"telegram_api_url": url}))


def with_webhooks(platform: Platform) -> Platform:
    """The same installation with a public address."""
    return Platform(platform.settings.model_copy(update={"webhook_base_url": "http://127.0.0.1:8000"}))


def count(platform: Platform, table: type[Base]) -> int:
    """How many rows a table has."""
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0
