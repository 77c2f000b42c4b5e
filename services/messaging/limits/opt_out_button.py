"""The button below a broadcast by which a person wants no more of them, as limits and the gate know it."""

from __future__ import annotations

from typing import Final

OPT_OUT: Final = "flotilla.opt_out"  # no plugin's action begins so
OPTED_OUT: Final = "opted_out"  # the tag of people who want no more broadcasts, of any bot of the account


def is_opt_out(action: str) -> bool:
    """Whether a button's action is that one."""
    return action == OPT_OUT
