"""Answers of the Bot API's form, and what is read of a call's parameters however a program writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """An answer of the Bot API's form, and the HTTP status that goes with it."""

    status: int
    body: dict[str, Any]


def refusal(code: int, description: str, retry_after: int | None = None) -> Said:
    """A refusal in the Bot API's form."""
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if retry_after is not None:
        body["parameters"] = {"retry_after": retry_after}
    return Said(code, body)


def ok(result: Any, description: str = "") -> Said:
    """A result, and what there is to say beside it."""
    return Said(200, {"ok": True, "result": result, **({"description": description} if description else {})})


def number_in(params: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number, however a program writes it; what is none counts as left out, as at Telegram."""
    value = params.get(name)
    try:
        return default if value is None or value == "" else int(value)
    except (TypeError, ValueError):
        return default
