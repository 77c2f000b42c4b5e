"""The strategies as people choose them."""

from __future__ import annotations

from flask_babel import gettext as _

from models import Strategy


def strategies() -> list[tuple[str, str, str]]:
    """(value, name, what it does), in the reader's language, the default first."""
    return [
        (Strategy.ROUND_ROBIN, _("Round robin"), _("one after the other, exactly equal")),
        (Strategy.LEAST_CONNECTIONS, _("Least connections"), _("the bot with the fewest visitors now")),
        (Strategy.RANDOM, _("Random"), _("any bot, unpredictable")),
        (Strategy.WEIGHTED, _("Weighted"), _("shares by the weights you set")),
    ]
