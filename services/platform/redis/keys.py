"""Every Redis key of the application, from functions of one file; each says how long it lives or why for ever."""

from __future__ import annotations

from typing import Literal

PREFIX = "flotilla"


def changes_channel() -> str:
    """Publish/subscribe channel of `changes`; not a key."""
    return f"{PREFIX}:changes"


def changes_generation() -> str:
    """Counter raised with every change, for whoever missed the message. For ever: one integer."""
    return f"{PREFIX}:changes:generation"


def given_numbers() -> str:
    """Hash table -> the last row number it gave, as of the last minute. For ever: lost, it is written from the database."""
    return f"{PREFIX}:numbers"


def lease(name: str) -> str:
    """Owner of a lease; lives for the lease's TTL."""
    return f"{PREFIX}:lease:{name}"


def wakeup(kind: str, number: int) -> str:
    """Set while a job that drains `kind` (lane, outbox) number N is queued or running; TTL bounds a lost job."""
    return f"{PREFIX}:doorbell:{kind}:{number}"


def pool_snapshot() -> str:
    """Hash pool id -> pool as JSON, what `/go` decides from. For ever: rewritten from the database."""
    return f"{PREFIX}:pools"


def pool_snapshot_version() -> str:
    """Counter that orders the copies of racing publishers. For ever: one integer."""
    return f"{PREFIX}:pools:version"


def click_stream() -> str:
    """Stream of clicks not yet in the database. For ever: entries are deleted once they are rows."""
    return f"{PREFIX}:clicks"


def unstored_clicks(why: Literal["refused", "lost"]) -> str:
    """Hash "pool:hour" (epoch seconds) -> clicks over the limit, or that nothing would store. For ever: the flusher deletes old fields."""
    return f"{PREFIX}:clicks:{why}"


def click_life() -> str:
    """Name of the present life of the click stream, for its ledger. For ever: it goes when the stream goes."""
    return f"{PREFIX}:clicks:life"


def click_check() -> str:
    """JSON of the last comparison of clicks accepted, stored and rolled up. For ever: one value."""
    return f"{PREFIX}:clicks:check"


def late_starts() -> str:
    """Set while starts without a click need no second look; lives a minute."""
    return f"{PREFIX}:clicks:late"


def conversion_hours() -> str:
    """The last hour (epoch seconds) whose clicks were brought to conversion's hours. For ever: lost, a week is redone."""
    return f"{PREFIX}:conversion:hours"


def rotation(pool_id: int) -> str:
    """Position of a pool's rotation. For ever: one integer per pool, deleted with it."""
    return f"{PREFIX}:pool:{pool_id}:rotation"


def client_rate(pool_id: int, client: str, minute: int) -> str:
    """Requests of one client (keyed hash) to a pool in one minute; lives two minutes."""
    return f"{PREFIX}:pool:{pool_id}:rate:{client}:{minute}"


def member_load(pool_id: int, bucket: int) -> str:
    """Hash bot id -> redirects of a pool in a 10 s bucket, for least_connections; lives six minutes."""
    return f"{PREFIX}:pool:{pool_id}:load:{bucket}"


def active_chats(bot_id: int) -> str:
    """Sorted set chat -> last update, for least_connections; lives six minutes after the last one."""
    return f"{PREFIX}:bot:{bot_id}:chats"


def far_behind(bot_id: int, lane: int) -> str:
    """Set while a lane that is half full takes nothing more of a bot that does not keep up; lives a quarter of a minute."""
    return f"{PREFIX}:bot:{bot_id}:far_behind:{lane}"


def webhook_paths() -> str:
    """Hash webhook path id -> bot id. For ever: rewritten by the reconciler."""
    return f"{PREFIX}:webhooks"


def reconciled() -> str:
    """Hash bot id -> what Telegram was last brought to, and when. For ever: lost, every bot is looked at again."""
    return f"{PREFIX}:reconciled"


def bot_files() -> str:
    """What became of the files in CONFIG_DIR when they were last applied, as JSON. For ever: replaced each time."""
    return f"{PREFIX}:bot_files"


def lifeboat(account_id: int) -> str:
    """JSON of how many people know each bot of an account, and each alone, and when that was counted; lives a day."""
    return f"{PREFIX}:lifeboat:{account_id}"


def manager_menu() -> str:
    """The commands that the manager bot was given last. For ever: one value."""
    return f"{PREFIX}:manager:menu"


def webhooks_set(minute: int) -> str:
    """How many webhooks were set in one minute, to stagger them; lives two minutes."""
    return f"{PREFIX}:webhooks:set:{minute}"


def webhook_repairs(bot_id: int) -> str:
    """Hash of what others did at a bot's webhook: repairs, when, refused calls; lives a day after the last time."""
    return f"{PREFIX}:bot:{bot_id}:repairs"


def of_bot(bot_id: int) -> tuple[str, str]:
    """Patterns of every key of one bot, for deleting it."""
    return f"{PREFIX}:bot:{bot_id}:*", f"{PREFIX}:outbox:{bot_id}:*"


def seen_updates(bot_id: int, piece: int) -> str:
    """Bitmap of 2**14 update ids from piece * 2**14; lives 48 h after the last one."""
    return f"{PREFIX}:bot:{bot_id}:seen:{piece}"


def update_lane(lane: int) -> str:
    """Stream of updates of one lane. For ever: entries are deleted once handled."""
    return f"{PREFIX}:lane:{lane}"


def update_attempts(lane: int) -> str:
    """Hash entry id -> failed attempts; fields are deleted with their update."""
    return f"{PREFIX}:lane:{lane}:attempts"


def update_suspects(lane: int) -> str:
    """Hash of who works in the lane, and of what may have killed those before: its fields stand in `crash_tracker`."""
    return f"{PREFIX}:lane:{lane}:suspects"


def intake_dead() -> str:
    """Stream of updates given up at the door (broken or oversized), until they are rows."""
    return f"{PREFIX}:intake:dead"


def replayed(letter_id: int, number: int) -> str:
    """The entry that the Nth replay of a dead letter became, so that it becomes one only; lives a week."""
    return f"{PREFIX}:replayed:{letter_id}:{number}"


OUTBOX_PRIORITIES = ("answer", "reply", "bulk")  # by rank: answers go first, then replies


def outbox(bot_id: int, priority: str) -> str:
    """Stream of a bot's unsent calls of one of OUTBOX_PRIORITIES; entries are deleted once settled."""
    return f"{PREFIX}:outbox:{bot_id}:{priority}"


def outbox_active(shard: int) -> str:
    """Sorted set bot id -> moment in ms from which its outbox may go on. For ever: members leave when drained."""
    return f"{PREFIX}:outbox:active:{shard}"


def outbox_wake(shard: int) -> str:
    """Stream of bots whose outbox just became non-empty, capped at 1000: a hint, never the only trace."""
    return f"{PREFIX}:outbox:wake:{shard}"


def outbox_pauses(bot_id: int) -> str:
    """Hash chat (`*`: all) -> moment in ms until which Telegram's 429 forbids sending; lives until the last one."""
    return f"{PREFIX}:outbox:{bot_id}:pauses"


def outbox_sent(shard: int) -> str:
    """Sorted set "<ms>:<bot>:<flight>:<chat>" of what was sent -> moment in s until which it counts for the limits; a minute."""
    return f"{PREFIX}:outbox:sent:{shard}"


def outbox_attempts(bot_id: int) -> str:
    """Hash flight -> sends of it that failed at the server, ?flight -> those of unknown outcome; fields leave with their entry."""
    return f"{PREFIX}:outbox:{bot_id}:attempts"


def outbox_flying(bot_id: int) -> str:
    """Hash "<rank>:<entry id>" of sends of an at_most_once bot that may be under way; fields leave with the outcome."""
    return f"{PREFIX}:outbox:{bot_id}:flying"


def conversation(bot_id: int, chat_id: int, user_id: int) -> str:
    """State and data of a conversation; lives for the FSM's TTL."""
    return f"{PREFIX}:bot:{bot_id}:fsm:{chat_id}:{user_id}"


def former_chat(bot_id: int, chat_id: int) -> str:
    """The id that a supergroup had as a group; lives as long as its buttons and, while it is used, its conversations."""
    return f"{PREFIX}:bot:{bot_id}:former:{chat_id}"


def polling_offset(bot_id: int, identity: int = 1) -> str:
    """Next getUpdates offset of a bot's identity. Lives two days: after seven, Telegram may start ids anew below an old one."""
    return f"{PREFIX}:bot:{bot_id}:offset" + (f":{identity}" if identity > 1 else "")


def served_identity(bot_id: int) -> str:
    """The identity of a bot whose predecessors' keys are gone. For ever: one integer per bot that got another."""
    return f"{PREFIX}:identity:{bot_id}"


def heartbeat(process: str) -> str:
    """JSON of a process's last sign of life and its figures; lives a minute."""
    return f"{PREFIX}:process:{process}"


def processes() -> str:
    """Sorted set process -> last sign of life, so that nobody scans for heartbeats. For ever: the silent are removed."""
    return f"{PREFIX}:processes"


def refused_plugins() -> str:
    """Hash "<file>:<version>" -> why no process serves that version of a plugin. For ever: a reload by an administrator ends it."""
    return f"{PREFIX}:plugins:refused"


def plugin_outcomes(version: str) -> str:
    """Hash of handlings by a version of a plugin (handled, failed, deaths, since); lives 30 days after the last one."""
    return f"{PREFIX}:plugins:outcomes:{version}"


def recent_test(subject: str) -> str:
    """Set after a test message of a `subject` ("bot:5", "destination:3"), so that nobody floods an address; some seconds."""
    return f"{PREFIX}:{subject}:test"


def refused_call(webhook_id: int) -> str:
    """When a payment provider's webhook was last called with a wrong signature, in Unix seconds; a day."""
    return f"{PREFIX}:payment_webhook:{webhook_id}:refused"


def sweep_report() -> str:
    """JSON of the last health sweep (when, how many, how long). For ever: one value."""
    return f"{PREFIX}:sweep"


def clicked_bots() -> str:
    """Hash bot id -> clicks since the last look at bots that visitors are sent to. TTL a minute."""
    return f"{PREFIX}:clicked"


def request_window(name: str) -> str:
    """Requests of one client to one limit of Flask-Limiter; lives until the limit's window ends."""
    return f"{PREFIX}:limit:{name}"


def used_actions(bot_id: int, user: str, action: str) -> str:
    """Sorted set update id -> when a user used one action; lives for its limit's window and two minutes."""
    return f"{PREFIX}:bot:{bot_id}:used:{user}:{action}"


def user_bucket(bot_id: int, user: str) -> str:
    """When a user's token bucket is full again, in ms; lives until then."""
    return f"{PREFIX}:bot:{bot_id}:bucket:{user}"


def notice(bot_id: int, subject: str) -> str:
    """Set once `subject` (a person, "chat:5") was told why a bot does not answer them; lives as long as once is enough."""
    return f"{PREFIX}:bot:{bot_id}:told:{subject}"


def cooldown(bot_id: int, user: str, action: str) -> str:
    """The use that `action` cools down from; lives for the cooldown."""
    return f"{PREFIX}:bot:{bot_id}:cool:{user}:{action}"


def used_button(bot_id: int, signature: str) -> str:
    """The update that used up a single-use button; lives as long as the button."""
    return f"{PREFIX}:bot:{bot_id}:button:{signature}"


def button_payload(bot_id: int, name: str) -> str:
    """A payload too large for callback_data; lives as long as its button."""
    return f"{PREFIX}:bot:{bot_id}:payload:{name}"


def api_breaker(bot_id: int, host: str) -> str:
    """Hash of a bot's failures in a row at an external API, and since when it is left alone; lives ten times as long as that."""
    return f"{PREFIX}:bot:{bot_id}:api:breaker:{host}"


def api_answer(bot_id: int, digest: str) -> str:
    """The last good answer of an external API, sealed; lives as long as its plugin says."""
    return f"{PREFIX}:bot:{bot_id}:api:answer:{digest}"


def idempotency(account_id: int, name: str) -> str:
    """Hash of a repeatable request: fingerprint and owner, later the sealed answer; lives 24 hours, a claim two minutes."""
    return f"{PREFIX}:api:once:{account_id}:{name}"


def idempotent_requests(account_id: int, actor: str = "") -> str:
    """Sorted set of an account's remembered requests, or of one of its callers', by the second they end; lives until the last."""
    return f"{PREFIX}:api:requests:{account_id}:{actor}"
