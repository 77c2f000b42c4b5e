"""The sentences of notifications, Brazilian Portuguese and English twins, filled from `Notification.params`."""

from __future__ import annotations

from typing import Final

from services.alerts.notifications.kinds import Kind
from services.core.sentences.saying import say

PT_BR: Final = {
    Kind.MEMBER_OFFLINE: "⚠️ Bot @{bot} do pool '{pool}' está offline.\nSaúde do pool: {health}% ({online}/{total} online)",
    Kind.MEMBER_BANNED: "⛔ Bot @{bot} do pool '{pool}' foi banido e saiu da rotação.\nSaúde do pool: {health}% ({online}/{total} online)",
    Kind.MEMBER_ONLINE: "✅ Bot @{bot} voltou online no pool '{pool}'\nSaúde do pool: {health}% ({online}/{total} online)",
    Kind.MEMBER_SUSPECT: "⚠️ Bot @{bot} do pool '{pool}' está sob suspeita: cliques não viram /start.\nEle fica com uma pequena parte do tráfego até 3 /start chegarem. Saúde do pool: {health}% ({online}/{total} online)",
    Kind.MEMBER_CONVERSION: "⚠️ Bot @{bot} do pool '{pool}' converte menos da metade do seu normal e saiu da rotação.\nSaúde do pool: {health}% ({online}/{total} online)",
    Kind.MEMBER_DELIVERY: "⚠️ Bot @{bot} do pool '{pool}' não recebe mensagens ({reason}) e saiu da rotação.\nSaúde do pool: {health}% ({online}/{total} online)",
    Kind.MEMBER_CLEARED: "✅ Bot @{bot} voltou ao normal no pool '{pool}'\nSaúde do pool: {health}% ({online}/{total} online)",
    Kind.BAN_WAVE: "🌊 Onda de quedas no pool '{pool}': {lost} em 10 minutos.\nReservas promovidos: {promoted}. Eles voltam a ser reserva quando você desfizer a promoção no painel. Saúde do pool: {health}% ({online}/{total} online)",
    Kind.POOL_CRITICAL: "🚨 CRÍTICO: Pool '{pool}' com apenas {health}% de saúde!\nApenas {online} de {total} bots online. Adicione mais bots ou verifique os existentes.",
    Kind.POOL_RECOVERED: "✅ Pool '{pool}' recuperado.\nSaúde do pool: {health}% ({online}/{total} online)",
    Kind.OUTAGE: "🌐 O Telegram não responde: {failed} de {checked} verificações falharam.\nOs estados dos bots foram mantidos; ninguém foi banido.",
    Kind.OUTAGE_OVER: "✅ O Telegram voltou a responder. As verificações seguem normalmente.",
    Kind.WEBHOOK_STOLEN: "🚨 O webhook do bot @{bot} aponta para outro endereço: {host}\nRestaure o webhook ou troque o token no @BotFather.",
    Kind.POLLED_ELSEWHERE: "⚠️ O token do bot @{bot} está em uso em outro programa, que recebe as mensagens.\nPare o outro programa ou troque o token no @BotFather.",
    Kind.BOT_FAILED: "⚠️ Bot @{bot} parou: {reason}",
    Kind.BOT_RECOVERED: "✅ Bot @{bot} voltou a funcionar.",
    Kind.QUEUE_LAG: "⚠️ Fila '{queue}' atrasada: {seconds} s ({waiting} na espera)",
    Kind.DEAD_LETTERS: "⚠️ Mensagens mortas: {count} × {error}\nBots: {bots}. Veja a causa no painel, corrija e depois repita ou descarte.",
    Kind.DEAD_LETTERS_SETTLED: "✅ Mensagens mortas resolvidas: {error}\nBots: {bots}",
    Kind.TRAFFIC_ANOMALY: "⚠️ Tráfego ou oferta: todos os bots do pool '{pool}' caíram juntos em conversão. Nenhum bot foi retirado.",
    Kind.TRAFFIC_NORMAL: "✅ A conversão do pool '{pool}' voltou ao normal.",
    Kind.SWEEP_LATE: "🚨 Nenhuma verificação de saúde há {seconds} s: os estados dos bots podem estar velhos.\nVerifique se o relógio e os workers estão rodando.",
    Kind.SWEEP_BACK: "✅ As verificações de saúde voltaram.",
    Kind.DESTINATION_FAILED: "⚠️ O destino '{destination}' não recebe os avisos: {error}\nCorrija o destino em Notificações e envie um teste.",
}

EN: Final = {
    Kind.MEMBER_OFFLINE: "⚠️ Bot @{bot} of pool '{pool}' is offline.\nPool health: {health}% ({online}/{total} online)",
    Kind.MEMBER_BANNED: "⛔ Bot @{bot} of pool '{pool}' was banned and left the rotation.\nPool health: {health}% ({online}/{total} online)",
    Kind.MEMBER_ONLINE: "✅ Bot @{bot} is back online in pool '{pool}'\nPool health: {health}% ({online}/{total} online)",
    Kind.MEMBER_SUSPECT: "⚠️ Bot @{bot} of pool '{pool}' is suspect: clicks do not become a /start.\nIt keeps a small part of the traffic until 3 /start arrive. Pool health: {health}% ({online}/{total} online)",
    Kind.MEMBER_CONVERSION: "⚠️ Bot @{bot} of pool '{pool}' converts less than half of what is usual and left the rotation.\nPool health: {health}% ({online}/{total} online)",
    Kind.MEMBER_DELIVERY: "⚠️ Bot @{bot} of pool '{pool}' gets no messages ({reason}) and left the rotation.\nPool health: {health}% ({online}/{total} online)",
    Kind.MEMBER_CLEARED: "✅ Bot @{bot} is back to normal in pool '{pool}'\nPool health: {health}% ({online}/{total} online)",
    Kind.BAN_WAVE: "🌊 Wave of losses in pool '{pool}': {lost} within 10 minutes.\nSpares promoted: {promoted}. They become spares again when you revert the promotion in the panel. Pool health: {health}% ({online}/{total} online)",
    Kind.POOL_CRITICAL: "🚨 CRITICAL: Pool '{pool}' at only {health}% health!\nOnly {online} of {total} bots online. Add more bots or check the existing ones.",
    Kind.POOL_RECOVERED: "✅ Pool '{pool}' recovered.\nPool health: {health}% ({online}/{total} online)",
    Kind.OUTAGE: "🌐 Telegram does not answer: {failed} of {checked} checks failed.\nThe bots' states were held; nobody was banned.",
    Kind.OUTAGE_OVER: "✅ Telegram answers again. Checks go on as usual.",
    Kind.WEBHOOK_STOLEN: "🚨 The webhook of bot @{bot} points elsewhere: {host}\nRestore the webhook or replace the token at @BotFather.",
    Kind.POLLED_ELSEWHERE: "⚠️ The token of bot @{bot} is used by another program, which gets its messages.\nStop the other program or replace the token at @BotFather.",
    Kind.BOT_FAILED: "⚠️ Bot @{bot} stopped: {reason}",
    Kind.BOT_RECOVERED: "✅ Bot @{bot} works again.",
    Kind.QUEUE_LAG: "⚠️ Queue '{queue}' lags: {seconds} s ({waiting} waiting)",
    Kind.DEAD_LETTERS: "⚠️ Dead letters: {count} × {error}\nBots: {bots}. See the cause in the panel, mend it, then replay or discard.",
    Kind.DEAD_LETTERS_SETTLED: "✅ Dead letters settled: {error}\nBots: {bots}",
    Kind.TRAFFIC_ANOMALY: "⚠️ Traffic or offer: all bots of pool '{pool}' fell in conversion together. No bot was taken out.",
    Kind.TRAFFIC_NORMAL: "✅ Conversion of pool '{pool}' is back to normal.",
    Kind.SWEEP_LATE: "🚨 No health check for {seconds} s: the states of the bots may be old.\nSee whether the clock and the workers run.",
    Kind.SWEEP_BACK: "✅ Health checks are back.",
    Kind.DESTINATION_FAILED: "⚠️ The destination '{destination}' does not get notifications: {error}\nCorrect it on the page Notifications and send a test.",
}


# Why a bot gets no messages (`services/fleet/health/delivery.py`), Portuguese and English.
REASONS: Final = {
    "webhook_not_set": ("o webhook não está configurado no Telegram", "no webhook is set at Telegram"),
    "webhook_failing": (
        "o Telegram não consegue entregar no webhook",
        "Telegram can't deliver to the webhook",
    ),
    "webhook_stolen": ("o webhook aponta para outro endereço", "another address took the webhook"),
    "polling_failed": (
        "a consulta ao Telegram falha: outro programa pode estar usando o token",
        "polling fails: another program may use the token",
    ),
}


def reason_in(locale: str, reason: str) -> str:
    """A reason in words: the code of a delivery's cause, or a sentence of a service."""
    if reason in REASONS:
        return REASONS[reason][0 if locale.lower().startswith("pt") else 1]
    return say(reason, locale)


def sentence(kind: Kind, locale: str) -> str:
    """The template of `kind` in `locale` ("pt_BR", "pt-BR", "en", …); other languages get English."""
    return (PT_BR if locale.lower().startswith("pt") else EN)[kind]
