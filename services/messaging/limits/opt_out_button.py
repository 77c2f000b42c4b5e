"""The button below a broadcast by which a person wants no more of them, as limits and the gate know it."""

from __future__ import annotations

from typing import Final

OPT_OUT: Final = "flotilla.opt_out"  # no plugin's action begins so


def is_opt_out(action: str) -> bool:
    """Whether a button's action is that one."""
    return action == OPT_OUT
