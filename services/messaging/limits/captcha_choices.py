"""The buttons of a captcha, as limits know them: whatever is chosen is a try, and tries are few."""

from __future__ import annotations

from typing import Final

from services.core.rate_limits import RateLimit

CHOICE: Final = "flotilla.captcha."  # and the place of the emoji; no plugin's action begins so
TRY: Final = "captcha"  # the action that all choices count as
TRIES: Final = RateLimit(limit=3, window=300)


def is_choice(action: str) -> bool:
    """Whether a button's action is the choice of an emoji."""
    return action.startswith(CHOICE)
