"""The sentences of notifications, filled from `Notification.params`; Portuguese stands in the catalogue."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any, Final

from services.alerts.notifications.kinds import Kind
from services.core.i18n import N_, Text

SENTENCES: Final = {
    Kind.MEMBER_OFFLINE: N_(
        "⚠️ Bot @{bot} of pool '{pool}' is offline.\nPool health: {health} ({online}/{total} online)"
    ),
    Kind.MEMBER_BANNED: N_(
        "⛔ Bot @{bot} of pool '{pool}' was banned and left the rotation.\nPool health: {health} ({online}/{total} online)"
    ),
    Kind.MEMBER_ONLINE: N_(
        "✅ Bot @{bot} is back online in pool '{pool}'\nPool health: {health} ({online}/{total} online)"
    ),
    Kind.MEMBER_SUSPECT: N_(
        "⚠️ Bot @{bot} of pool '{pool}' is suspect: clicks do not become a /start.\nIt keeps a small part of the traffic until 3 /start arrive. Pool health: {health} ({online}/{total} online)"
    ),
    Kind.MEMBER_CONVERSION: N_(
        "⚠️ Bot @{bot} of pool '{pool}' converts less than half of what is usual and left the rotation.\nPool health: {health} ({online}/{total} online)"
    ),
    Kind.MEMBER_DELIVERY: N_(
        "⚠️ Bot @{bot} of pool '{pool}' gets no messages ({reason}) and left the rotation.\nPool health: {health} ({online}/{total} online)"
    ),
    Kind.MEMBER_CLEARED: N_(
        "✅ Bot @{bot} is back to normal in pool '{pool}'\nPool health: {health} ({online}/{total} online)"
    ),
    Kind.BAN_WAVE: N_(
        "🌊 Wave of losses in pool '{pool}': {lost} within 10 minutes.\nSpares promoted: {promoted}. They become spares again when you revert the promotion in the panel. Pool health: {health} ({online}/{total} online)"
    ),
    Kind.POOL_CRITICAL: N_(
        "🚨 CRITICAL: Pool '{pool}' at only {health} health!\nOnly {online} of {total} bots online. Add more bots or check the existing ones."
    ),
    Kind.POOL_RECOVERED: N_("✅ Pool '{pool}' recovered.\nPool health: {health} ({online}/{total} online)"),
    Kind.OUTAGE: N_(
        "🌐 Telegram does not answer: {failed} of {checked} checks failed.\nThe bots' states were held; nobody was banned."
    ),
    Kind.OUTAGE_OVER: N_("✅ Telegram answers again. Checks go on as usual."),
    Kind.WEBHOOK_STOLEN: N_(
        "🚨 The webhook of bot @{bot} points elsewhere: {host}\nRestore the webhook or replace the token at @BotFather."
    ),
    Kind.POLLED_ELSEWHERE: N_(
        "⚠️ The token of bot @{bot} is used by another program, which gets its messages.\nStop the other program or replace the token at @BotFather."
    ),
    Kind.BOT_FAILED: N_("⚠️ Bot @{bot} stopped: {reason}"),
    Kind.BOT_RECOVERED: N_("✅ Bot @{bot} works again."),
    Kind.QUEUE_LAG: N_("⚠️ Queue '{queue}' lags: {seconds} s ({waiting} waiting)"),
    Kind.CLICKS_LOST: N_(
        "🚨 Clicks of pool '{pool}' were lost: at least {count} in the hour from {hour}. Neither Redis nor the disk took them; the visitors were redirected."
    ),
    Kind.REDIS_MEMORY: N_(
        "🚨 Redis is short of memory: {used} of {most} MB used.\nAbove nine tenths of it updates wait at Telegram and clicks on disk. Raise its maxmemory or see what fills it."
    ),
    Kind.DISK_LOW: N_(
        "🚨 The disk of {host} is nearly full: {free} MB free.\nWithout space nothing can be stored, and clicks may be lost. Make room."
    ),
    Kind.DEAD_LETTERS: N_(
        "⚠️ Dead letters: {count} × {error}\nBots: {bots}. See the cause in the panel, mend it, then replay or discard."
    ),
    Kind.DEAD_LETTERS_SETTLED: N_("✅ Dead letters settled: {error}\nBots: {bots}"),
    Kind.TRAFFIC_ANOMALY: N_(
        "⚠️ Traffic or offer: all bots of pool '{pool}' fell in conversion together. No bot was taken out."
    ),
    Kind.TRAFFIC_NORMAL: N_("✅ Conversion of pool '{pool}' is back to normal."),
    Kind.SWEEP_LATE: N_(
        "🚨 No health check for {seconds} s: the states of the bots may be old.\nSee whether the clock and the workers run."
    ),
    Kind.SWEEP_BACK: N_("✅ Health checks are back."),
    Kind.DESTINATION_FAILED: N_(
        "⚠️ The destination '{destination}' does not get notifications: {error}\nCorrect it on the page Notifications and send a test."
    ),
    Kind.TEXT_MALFORMED: N_(
        "⚠️ Telegram cannot read the formatting of a text of bot @{bot}: {reason}\nPeople get it without formatting. Correct the text in the bot's behaviour."
    ),
    Kind.FORM_ANSWERED: N_("📝 {person} has filled in the form of bot @{bot}:\n{answers}"),
}

# Why a bot gets no messages: the causes of `services/fleet/health/delivery.py`.
REASONS: Final = {
    "webhook_not_set": Text("no webhook is set at Telegram"),
    "webhook_failing": Text("Telegram cannot deliver to the webhook"),
    "webhook_stolen": Text("another address took the webhook"),
    "polling_failed": Text("polling fails: another program may use the token"),
}


def sentence(kind: Kind, params: Mapping[str, Any]) -> Text:
    """The text of `kind` with these values; a missing one shows as "?"."""
    template = SENTENCES[kind]
    values = {name: params.get(name, "?") for _, name, _, _ in string.Formatter().parse(template) if name}
    if "health" in values:  # its sign is no part of the template: "% h" is a format of its own to gettext
        values["health"] = f"{values['health']}%"
    if values.get("reason") in REASONS:
        values["reason"] = REASONS[values["reason"]]
    return Text(template, **values)
