"""What people are told when they were too quick."""

from __future__ import annotations

import pytest

from services.core.i18n import translate
from services.messaging.limits.notices import notice
from services.messaging.limits.verdicts import Refusal


@pytest.mark.parametrize(
    ("refusal", "seconds", "portuguese", "english"),
    [
        (
            Refusal.WINDOW,
            2,
            "⏳ Muitos comandos em pouco tempo. Aguarde 2 segundos.",
            "⏳ Too many commands in a short time. Wait 2 seconds.",
        ),
        (
            Refusal.BUCKET,
            1,
            "⏳ Muitos comandos em pouco tempo. Aguarde 1 segundo.",
            "⏳ Too many commands in a short time. Wait 1 second.",
        ),
        (
            Refusal.COOLDOWN,
            0,
            "⏸️ Processando sua solicitação anterior...",
            "⏸️ Still working on your previous request...",
        ),
        (Refusal.LOCK, 0, "🔒 Operação em andamento. Aguarde.", "🔒 Operation in progress. Please wait."),
        (Refusal.FORGED, 0, "⚠️ Essa ação não é válida mais.", "⚠️ This action is no longer valid."),
    ],
)
def test_the_notices_are_those_of_the_specification(
    refusal: Refusal, seconds: int, portuguese: str, english: str
) -> None:
    for language in ("pt", "pt-br", "pt-PT"):
        assert translate(notice(refusal, seconds), language) == portuguese
    for language in ("en", "de", ""):
        assert translate(notice(refusal, seconds), language) == english


def test_no_second_at_all_is_plural() -> None:
    assert translate(notice(Refusal.WINDOW, 0), "pt").endswith("0 segundos.")
