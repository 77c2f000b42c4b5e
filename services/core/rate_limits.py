"""The form of RATE_LIMITS_JSON."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_settings import NoDecode


class RateLimit(BaseModel):
    """At most `limit` uses within any `window` seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    limit: int = Field(ge=1, le=10_000)
    window: int = Field(ge=1, le=86_400)


def _parse_json(value: Any) -> Any:
    """A JSON text as what it says."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError('must be JSON such as {"cmd:/start": {"limit": 30, "window": 60}}') from None


# What a limit can be set for: a command, a button's action, other messages, or whatever has no limit of its own.
LimitedAction = Annotated[
    str, StringConstraints(pattern=r"^(cmd:/[a-z0-9_]{1,32}|cb:[A-Za-z0-9_.-]{1,32}|text|default)$")
]
RateLimits = Annotated[dict[LimitedAction, RateLimit], NoDecode, BeforeValidator(_parse_json)]
