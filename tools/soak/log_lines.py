"""What the programs' log complains of, counted by what it says."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

LEVELS = ("WARNING", "ERROR", "CRITICAL")
NUMBERS = re.compile(r"\b[0-9A-Fa-f]{8}\b|\d+(\.\d+)?")  # ids of errors, too
LONGEST = 160


def complaints(log: Path) -> dict[str, int]:
    """Warnings and errors, the most frequent first, and lines that are not JSON; numbers taken out."""
    found: Counter[str] = Counter()
    with log.open(errors="replace") as lines:
        for line in lines:
            found.update(filter(None, [_complaint(line.strip())]))
    return dict(found.most_common())


def _complaint(line: str) -> str:
    if not line:
        return ""
    try:
        told = json.loads(line)
    except ValueError:
        return f"not JSON: {NUMBERS.sub('#', line)[:LONGEST]}"
    if not isinstance(told, dict) or told.get("level") not in LEVELS:
        return ""
    words = NUMBERS.sub("#", str(told.get("message", "")))
    return f"{told['level']} {told.get('service', '')}: {words}"[:LONGEST]
