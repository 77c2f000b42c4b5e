"""Values that no sender of good faith sends."""

from __future__ import annotations

from typing import Any

TOKEN = "123456:" + "A" * 28
TEXTS = (
    f"\u0001{TOKEN}",
    f"\\u0001{TOKEN}",
    f'"{TOKEN}"',
    f"\\{TOKEN}\\",
    f"9{'8' * 30}:{'B' * 30}",
    "\ud83d",
    "\u0000",
    "⟦sealed:AAAA⟧",
    "\u202e" + "x" * 5000,
)
VALUES: tuple[Any, ...] = (
    *TEXTS,
    True,
    False,
    None,
    0,
    -1,
    2**63,
    2**70,
    1.5,
    float("nan"),
    [],
    {},
    [[[]]],
    "",
)
