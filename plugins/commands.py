"""Commands in texts: `/name@botname args`, and for which bot they are meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

COMMAND: Final = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,32}))?(?:\s+(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """`/name@botname args`: the names in lower case without the signs, the rest stripped. `bot` is "" where none is named."""

    name: str
    args: str = ""
    bot: str = ""

    def is_for(self, username: str) -> bool:
        """Whether the bot called `username` is meant: it is named, or none is."""
        return self.bot in ("", username.lower())


def command_in(text: object) -> Command | None:
    """The command that a text is, for whichever bot; None for any other text and for no text."""
    found = COMMAND.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    return Command(found[1].lower(), (found[3] or "").strip(), (found[2] or "").lower())
