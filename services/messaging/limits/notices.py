"""What a person is told when an update of theirs is refused, in both languages."""

from __future__ import annotations

from typing import Final

from plugins.context import Context
from plugins.router import CALLBACK
from services.messaging.limits.verdicts import INVALID, LIMITS, Refusal

LIMITED: Final = {
    "pt": "⏳ Muitos comandos em pouco tempo. Aguarde {X} segundos.",
    "en": "⏳ Too many commands in a short time. Wait {X} seconds.",
}
LIMITED_ONE: Final = {
    "pt": "⏳ Muitos comandos em pouco tempo. Aguarde 1 segundo.",
    "en": "⏳ Too many commands in a short time. Wait 1 second.",
}
COOLING: Final = {
    "pt": "⏸️ Processando sua solicitação anterior...",
    "en": "⏸️ Still working on your previous request...",
}
LOCKED: Final = {
    "pt": "🔒 Operação em andamento. Aguarde.",
    "en": "🔒 Operation in progress. Please wait.",
}
NOT_VALID: Final = {
    "pt": "⚠️ Essa ação não é válida mais.",
    "en": "⚠️ This action is no longer valid.",
}


def refuse(ctx: Context, refusal: Refusal, *, tell: bool = True, wait_seconds: int = 0) -> None:
    """Let the person know why nothing happens, if they are to be told; a tap is answered in any case."""
    text = ctx.translate(_texts(refusal, wait_seconds)) if tell else ""
    if ctx.kind == CALLBACK:
        ctx.answer(text)
    elif text:
        ctx.send(text, parse_mode=None)


def _texts(refusal: Refusal, wait_seconds: int) -> dict[str, str]:
    if refusal in LIMITS and wait_seconds == 1:
        return LIMITED_ONE
    if refusal in LIMITS:
        return {language: text.replace("{X}", str(wait_seconds)) for language, text in LIMITED.items()}
    if refusal in INVALID:
        return NOT_VALID
    return LOCKED if refusal is Refusal.LOCK else COOLING
