"""What Telegram answered to a call of a plugin's that asked to be told (`ctx.api(…, then="sent")`, `router.answered("sent")`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from plugins.address import Address

CALL_ANSWERED: Final = "call_answered"  # the kind of update; Telegram sends none of this name


@dataclass(frozen=True)
class CallAnswer:
    """The answer to one call. `result` is Telegram's with `ok`, else `error_code` and `description` say why not.

    Chat, person and address are those of the update whose handler made the call, and `note` what it said for itself.
    """

    name: str
    plugin: str
    method: str
    ok: bool
    address: Address
    result: Any = None
    error_code: int = 0
    description: str = ""
    note: Any = None
    chat: Any = None
    from_user: Any = None
