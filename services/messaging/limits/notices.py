"""What a person is told when an update of theirs is refused, in both languages."""

from __future__ import annotations

from typing import Final

from plugins.context import Context
from plugins.router import CALLBACK
from services.core.i18n import NO_TEXT, Text, translate
from services.messaging.limits.verdicts import INVALID, LIMITS, Refusal

COOLING: Final = Text("⏸️ Still working on your previous request...")
LOCKED: Final = Text("🔒 Operation in progress. Please wait.")
NOT_VALID: Final = Text("⚠️ This action is no longer valid.")


def refuse(ctx: Context, refusal: Refusal, *, tell: bool = True, wait_seconds: int = 0) -> None:
    """Let the person know why nothing happens, if they are to be told; a tap is answered in any case."""
    text = translate(notice(refusal, wait_seconds) if tell else NO_TEXT, ctx.lead.language)
    if ctx.kind == CALLBACK:
        ctx.answer(text)
    elif text:
        ctx.send(text, parse_mode=None)


def notice(refusal: Refusal, wait_seconds: int) -> Text:
    """What is said of a refusal; `wait_seconds` is how long the person had better wait."""
    if refusal in LIMITS and wait_seconds == 1:
        return Text("⏳ Too many commands in a short time. Wait 1 second.")
    if refusal in LIMITS:
        return Text("⏳ Too many commands in a short time. Wait {seconds} seconds.", seconds=wait_seconds)
    if refusal in INVALID:
        return NOT_VALID
    return LOCKED if refusal is Refusal.LOCK else COOLING
