"""From what a plugin wants on a button to signed callback_data."""

from __future__ import annotations

import time
from collections.abc import Callable

from plugins.buttons import Button, Kept
from services.core.settings import Settings
from services.messaging.buttons.callback_data import MAX_BYTES, CallbackSigner, Switch

LARGEST_PAYLOAD = 4096  # characters kept in Redis for one button
OVERHEAD = 20  # bytes of callback_data before the action


def pack(
    signer: CallbackSigner,
    settings: Settings,
    bot_id: int,
    button: Button,
    *,
    clock: Callable[[], float] = time.time,
) -> tuple[str, Kept | None]:
    """callback_data for a button of the bot, and the payload to keep where it does not fit. ValueError as the signer's."""
    usual = settings.callback_confirm_seconds if button.once else settings.callback_menu_seconds
    # What a plugin reckons may be over already.
    seconds = usual if button.seconds is None else max(1, button.seconds)
    if len(button.payload) > LARGEST_PAYLOAD:
        raise ValueError(f"a button's payload may have {LARGEST_PAYLOAD} characters")
    kept = None
    if OVERHEAD + len(f"{button.action}:{button.payload}".encode()) > MAX_BYTES:
        name = signer.name_of(bot_id, button.payload)
        kept = Kept(name, button.payload, seconds + 60)  # a minute for an update that is handled again
    data = signer.pack(
        bot_id=bot_id,
        user_id=button.user_id,
        chat_id=button.chat_id,
        action=button.action,
        payload=kept.name if kept else button.payload,
        expires_at=int(clock()) + seconds,
        switches=(Switch.ONCE if button.once else Switch.NONE) | (Switch.KEPT if kept else Switch.NONE),
    )
    return data, kept
