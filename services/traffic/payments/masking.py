"""What is kept of a provider's body: its form, and the values that the mapping reads. The rest may be a payer's name or
card; nor is it kept whose Telegram id stood there, which would outlive the person.
"""

from __future__ import annotations

import json
from typing import Any, Final

from services.core.redaction import redact_text
from services.core.storable import storable
from services.traffic.payments.mapping import Mapping

MASK: Final = "…"
LONGEST: Final = 8000  # characters
DEEPEST: Final = 12
PATHS: Final = ("click", "event_id", "goal_path", "value", "currency", "only_field")


def masked(body: bytes, mapping: Mapping) -> str:
    """The body with everything hidden that the mapping does not read; of what is no JSON only how long it was."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return f"({len(body)} bytes)"
    read = {getattr(mapping, name) for name in PATHS}
    shown = json.dumps(_masked(value, "", read), ensure_ascii=False, indent=1)
    return storable(redact_text(shown))[:LONGEST]


def _masked(value: Any, path: str, read: set[str]) -> Any:
    if path.count(".") >= DEEPEST:
        return MASK
    if isinstance(value, dict):
        return {str(name)[:60]: _masked(item, _below(path, str(name)), read) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, _below(path, str(at)), read) for at, item in enumerate(value)]
    return value if path in read else MASK


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
