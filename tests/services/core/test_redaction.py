"""Secrets are found wherever they stand in a value, and a value of any depth comes to an end."""

from __future__ import annotations

from typing import Any

from services.core.redaction import HIDDEN, redact

TOKEN = "700100:" + "A" * 35


def nested(levels: int, inside: Any) -> Any:
    value = inside
    for _ in range(levels):
        value = {"rows": [value]}
    return value


def test_a_token_is_hidden_on_every_level_that_telegram_has() -> None:
    assert redact(nested(20, f"a {TOKEN}")) == nested(20, f"a {HIDDEN}")


def test_what_is_nested_deeper_than_pythons_stack_is_hidden_whole() -> None:
    cleaned = str(redact({"near": "said", "deep": nested(5000, TOKEN)}))
    assert TOKEN not in cleaned
    assert HIDDEN in cleaned
    assert "said" in cleaned
