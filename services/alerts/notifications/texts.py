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
    Kind.WEBHOOK_REFUSED: N_(
        "⚠️ Somebody calls the webhook of bot @{bot} with a wrong secret: {count} calls or more were refused within a minute.\nNothing of it came in. If it goes on, ask who else knows the bot's address."
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
    Kind.BACKUP_FAILED: N_(
        "⚠️ The backup failed: {cause}\nIt is tried again every three hours. See `flask backup create`."
    ),
    Kind.BACKUP_UNVERIFIED: N_(
        "🚨 A backup could not be brought to life: {cause}\nDo not count on it. See `flask backup verify`."
    ),
    Kind.BACKUP_LATE: N_(
        "🚨 The last backup is {hours} h old.\nSee `flask backup list` and the log of the worker."
    ),
    Kind.KEY_OLD: N_(
        "⚠️ The encryption key {key} is {days} days old.\nReplace it at the server's command line: flask secrets rotate"
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
    Kind.PLUGIN_REVERTED: N_(
        "⚠️ The new version of plugin '{plugin}' failed far more often than the former one, which serves again: {failed} of {handled} updates failed.\nSee the dead letters of your bots: they can be replayed."
    ),
    Kind.HANDLER_FAILED: N_(
        "⚠️ Bot @{bot} could not handle a message: {error}\nThe error's code is {error_id}; see the dead letters in the panel."
    ),
    Kind.FILE_RECEIVED: N_("📎 {person} has sent bot @{bot} a file: {name} ({mime})"),
    Kind.SPARES_SHORT: N_(
        "⚠️ Pool '{pool}' has {spares} of {wanted} backups. Make another one by one tap: {link}"
    ),
    Kind.MANAGED_BOT_WAITS: N_(
        "⚠️ {person} made bot @{bot} by the manager bot's link, and is not linked to an account.\nThe bot belongs to nobody yet: take it or let it go on the page Managed bots."
    ),
    Kind.BOT_OWNER_CHANGED: N_(
        "⚠️ Bot @{bot} has another owner at Telegram now: {person}\nIt goes on here as before. Whoever owns it can take it away: give its place to another bot if this was not you."
    ),
    Kind.SWITCH_SET: N_(
        "🎚️ The switch {switch} is on for the whole installation, until {until}.\nReason: {reason}"
    ),
    Kind.SWITCH_ENDED: N_("✅ The switch {switch} is off again."),
    Kind.PERSON_WAITS: N_("🙋 The flow of bot @{bot} has handed {person} over: answer them in the inbox"),
    Kind.BROADCAST_BRAKED: N_(
        "⚠️ The broadcast '{name}' was stopped by its brake: too many blocked the bot or could not be reached.\nSent: {sent}, waiting: {left}. Look at the causes, then go on or stop."
    ),
    Kind.BROADCAST_DONE: N_(
        "📣 The broadcast '{name}' is done.\nSent: {sent}, blocked: {blocked}, failed: {failed}, left out: {skipped}, uncertain: {uncertain}"
    ),
    Kind.FORM_ANSWERED: N_("📝 {person} has filled in the form of bot @{bot}:\n{answers}"),
}
# What a kind's parameters hold beside what its sentence says: for programs, pages and those who look for their own alarms.
_HEALTH: Final = frozenset({"bot", "pool", "health", "online", "total", "cause", "reason"})
BESIDE: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.BROADCAST_BRAKED: frozenset({"broadcast"}),
    Kind.BROADCAST_DONE: frozenset({"broadcast"}),
    **{kind: _HEALTH for kind in Kind if kind.startswith("member_")},
    Kind.BAN_WAVE: frozenset({"wave", "promoted_count", "online", "total"}),
    Kind.DEAD_LETTERS: frozenset({"fingerprint", "uncertain"}),
    Kind.DEAD_LETTERS_SETTLED: frozenset({"fingerprint"}),
}

# A wave in which nobody could step in, so that there is nothing to revert.
ALONE: Final = {
    Kind.BAN_WAVE: N_(
        "🌊 Wave of losses in pool '{pool}': {lost} within 10 minutes.\nNo backup stood by. Give a bot the priority “Backup” so that it steps in next time. Pool health: {health} ({online}/{total} online)"
    )
}
# Spares of a pool for which no link can make one.
BY_HAND: Final = N_(
    "⚠️ Pool '{pool}' has {spares} of {wanted} backups. Make a bot at @BotFather, add it by its token and give it the priority “Backup”."
)
# Why a check failed, in the panel's words: the causes of `services/fleet/health/breaker.py`.
WHY: Final = {
    "unauthorized": Text("Telegram rejects the token (401)"),
    "not_found": Text("Telegram does not know the token (404)"),
    "frozen": Text("Telegram froze the account"),
    "timeout": Text("Telegram did not answer in time"),
    "unreachable": Text("Telegram can't be reached"),
    "server_error": Text("Telegram had an internal error"),
    "garbage": Text("The answer was not Telegram's"),
}
LOSSES: Final = (Kind.MEMBER_OFFLINE, Kind.MEMBER_BANNED)

# Why a bot gets no messages: the causes of `services/fleet/health/delivery.py`.
REASONS: Final = {
    "webhook_not_set": Text("no webhook is set at Telegram"),
    "webhook_failing": Text("Telegram cannot deliver to the webhook"),
    "webhook_stolen": Text("another address took the webhook"),
    "token_rejected": Text("Telegram rejects the token"),
    "polling_failed": Text("Telegram refuses to hand its messages out"),
}


def parameters_of(kind: Kind) -> frozenset[str]:
    """The names that every notification of `kind` gives a value to, and no others: its one shape."""
    named = {name for _, name, _, _ in string.Formatter().parse(SENTENCES[kind]) if name}
    return BESIDE.get(kind, frozenset()) | named


def sentence(kind: Kind, params: Mapping[str, Any]) -> Text:
    """The text of `kind` with these values; a missing one shows as "?". A loss says why in a line of its own."""
    told = _told(kind, params)
    why = WHY.get(str(params.get("cause"))) if kind in LOSSES else None
    return Text("{told}\nWhy: {why}", told=told, why=why) if why else told


def _told(kind: Kind, params: Mapping[str, Any]) -> Text:
    template = SENTENCES[kind]
    if kind in ALONE and params.get("promoted_count") == 0:
        template = ALONE[kind]
    if kind is Kind.SPARES_SHORT and not params.get("link"):
        template = BY_HAND
    values = {name: params.get(name, "?") for _, name, _, _ in string.Formatter().parse(template) if name}
    if "health" in values:  # its sign is no part of the template: "% h" is a format of its own to gettext
        values["health"] = f"{values['health']}%"
    if values.get("reason") in REASONS:
        values["reason"] = REASONS[values["reason"]]
    return Text(template, **values)
