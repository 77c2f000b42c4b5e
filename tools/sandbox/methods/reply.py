"""Answers that carry a ``description`` beside the result, as setWebhook's do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Described:
    """A result with Telegram's remark."""

    result: Any
    description: str
