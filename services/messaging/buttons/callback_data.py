"""Signed callback_data: what a button of ours carries, and whether a tap may be believed.

64 bytes hold `!`, one letter of switches, 6 characters of expiry (seconds, base64url), 12 of signature (72 bits of
HMAC-SHA256 over bot, user, chat and all that follows it), then `action` or `action:payload`. A payload that does not
fit stays in Redis under a name of 12 characters.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from plugins.address import ANONYMOUS_ADMIN
from services.core.encryption import Vault
from services.messaging.limits.verdicts import Refusal

MAX_BYTES = 64  # Telegram's limit
MARK = "!"
SIGNATURE_BYTES = 9  # 72 bits: 12 characters without padding
EVERYBODY = 0
PURPOSE = "callback"
PACKED: Final = re.compile(
    r"!([A-H])([A-Za-z0-9_-]{6})([A-Za-z0-9_-]{12})([A-Za-z0-9_.-]{1,32})(?::(.*))?", re.DOTALL
)
ACTION: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")


class Switch(IntFlag):
    """Properties of a button, stored as the letter `A` + value."""

    NONE = 0
    ONCE = 1  # may be used a single time
    EVERYBODY = 2  # not bound to a user
    KEPT = 4  # the payload is in Redis under the name given


@dataclass(frozen=True)
class Opened:
    """Verified callback_data. `payload` is the payload's name where `kept`; `expires_at` is in Unix seconds.

    `anonymous`: the button is an anonymous administrator's of the group, and whoever tapped has to be one of its administrators.
    """

    action: str
    payload: str
    once: bool
    kept: bool
    expires_at: int
    signature: str
    anonymous: bool = False


class CallbackSigner:
    """Packs and opens callback_data under the installation's keys; older keys stay good while they are listed."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def pack(
        self,
        *,
        bot_id: int,
        user_id: int,
        chat_id: int,
        action: str,
        payload: str = "",
        expires_at: int,
        switches: Switch = Switch.NONE,
    ) -> str:
        """callback_data for one button; `user_id` 0 means everybody in the chat.

        ValueError for an action that is no name, and when the result would be over 64 bytes.
        """
        if not ACTION.fullmatch(action):
            raise ValueError(f"{action!r} is no action: 1 to 32 letters, digits, `_`, `.` or `-`")
        if user_id == EVERYBODY:
            switches |= Switch.EVERYBODY
        expiry = urlsafe_b64encode(expires_at.to_bytes(4, "big")).decode().rstrip("=")
        letter = chr(ord("A") + switches)
        body = f"{action}:{payload}" if payload else action
        signature = self._sign(0, bot_id, user_id, chat_id, letter, expiry, body)
        data = f"{MARK}{letter}{expiry}{signature}{body}"
        if len(data.encode()) > MAX_BYTES:
            raise ValueError(f"callback_data of {len(data.encode())} bytes; Telegram takes {MAX_BYTES}")
        return data

    def open(self, data: str, *, bot_id: int, user_id: int, chat_id: int, now: float) -> Opened | Refusal:
        """What a tap carries. FORGED also when it was meant for another bot, chat or user: the signature covers them.

        An anonymous administrator writes under an account of Telegram's and taps under their own.
        """
        found = PACKED.fullmatch(data)
        if found is None:
            return Refusal.FORGED
        letter, expiry, signature, action, payload = found.groups()
        switches = Switch(ord(letter) - ord("A"))
        body = action if payload is None else f"{action}:{payload}"
        owners = (EVERYBODY,) if Switch.EVERYBODY in switches else _owners(user_id, chat_id)
        owner = self._owner(signature, owners, bot_id, chat_id, letter, expiry, body)
        if owner is None:
            return Refusal.FORGED
        expires_at = int.from_bytes(urlsafe_b64decode(f"{expiry}=="), "big")
        if now >= expires_at:
            return Refusal.EXPIRED
        once, kept = Switch.ONCE in switches, Switch.KEPT in switches
        anonymous = owner == ANONYMOUS_ADMIN != user_id
        return Opened(action, payload or "", once, kept, expires_at, signature, anonymous)

    def name_of(self, bot_id: int, payload: str) -> str:
        """The name under which a payload of the bot is kept: the same for the same text, and not to be guessed."""
        return self._short("payload", f"{bot_id}\n{payload}", 0)

    def _owner(
        self, signature: str, owners: tuple[int, ...], bot_id: int, chat_id: int, *parts: str
    ) -> int | None:
        """Which of `owners` the button was made for; None for none of them."""
        for owner in owners:
            for index in range(self._vault.key_count):
                if hmac.compare_digest(signature, self._sign(index, bot_id, owner, chat_id, *parts)):
                    return owner
        return None

    def _sign(self, index: int, bot_id: int, user_id: int, chat_id: int, *parts: str) -> str:
        message = f"{bot_id}\n{user_id}\n{chat_id}\n{''.join(parts)}"
        return self._short(PURPOSE, message, index)

    def _short(self, purpose: str, message: str, index: int) -> str:
        digest = self._vault.signature(purpose, message, key_index=index)
        return urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode()


def _owners(user_id: int, chat_id: int) -> tuple[int, ...]:
    """For whom a button may have been made that `user_id` taps."""
    return (user_id, ANONYMOUS_ADMIN) if chat_id < 0 else (user_id,)
