"""What an owner can be told of, and how grave it is. The words are kept in rows: never rename one."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    RECOVERY = "recovery"


class Kind(StrEnum):
    """A kind of notification; `texts.py` has its sentence."""

    MEMBER_OFFLINE = "member_offline"
    MEMBER_BANNED = "member_banned"
    MEMBER_ONLINE = "member_online"
    MEMBER_SUSPECT = "member_suspect"
    MEMBER_CONVERSION = "member_conversion"
    MEMBER_DELIVERY = "member_delivery"
    MEMBER_CLEARED = "member_cleared"
    BAN_WAVE = "ban_wave"
    POOL_CRITICAL = "pool_critical"
    POOL_RECOVERED = "pool_recovered"
    OUTAGE = "outage"
    OUTAGE_OVER = "outage_over"
    WEBHOOK_STOLEN = "webhook_stolen"
    WEBHOOK_REFUSED = "webhook_refused"
    POLLED_ELSEWHERE = "polled_elsewhere"
    BOT_FAILED = "bot_failed"
    BOT_RECOVERED = "bot_recovered"
    QUEUE_LAG = "queue_lag"
    CLICKS_LOST = "clicks_lost"
    REDIS_MEMORY = "redis_memory"
    DISK_LOW = "disk_low"
    KEY_OLD = "key_old"
    DEAD_LETTERS = "dead_letters"
    DEAD_LETTERS_SETTLED = "dead_letters_settled"
    TRAFFIC_ANOMALY = "traffic_anomaly"
    TRAFFIC_NORMAL = "traffic_normal"
    SWEEP_LATE = "sweep_late"
    SWEEP_BACK = "sweep_back"
    DESTINATION_FAILED = "destination_failed"
    TEXT_MALFORMED = "text_malformed"
    PLUGIN_REVERTED = "plugin_reverted"
    HANDLER_FAILED = "handler_failed"
    FORM_ANSWERED = "form_answered"
    FILE_RECEIVED = "file_received"
    PERSON_WAITS = "person_waits"
    SPARES_SHORT = "spares_short"
    MANAGED_BOT_WAITS = "managed_bot_waits"
    BOT_OWNER_CHANGED = "bot_owner_changed"
    SWITCH_SET = "switch_set"
    SWITCH_ENDED = "switch_ended"
    BACKUP_FAILED = "backup_failed"
    BACKUP_UNVERIFIED = "backup_unverified"
    BACKUP_LATE = "backup_late"
    BROADCAST_BRAKED = "broadcast_braked"
    BROADCAST_DONE = "broadcast_done"

    @property
    def level(self) -> Level:
        """The level that goes with this kind."""
        if self in ALARMS_OF:
            return Level.RECOVERY
        if self in (
            Kind.MEMBER_BANNED,
            Kind.BAN_WAVE,
            Kind.POOL_CRITICAL,
            Kind.OUTAGE,
            Kind.WEBHOOK_STOLEN,
            Kind.SWEEP_LATE,
            Kind.CLICKS_LOST,
            Kind.REDIS_MEMORY,
            Kind.DISK_LOW,
            Kind.BACKUP_LATE,
            Kind.BACKUP_UNVERIFIED,
        ):
            return Level.CRITICAL
        quiet = (Kind.FORM_ANSWERED, Kind.FILE_RECEIVED, Kind.PERSON_WAITS, Kind.BROADCAST_DONE)
        return Level.INFO if self in quiet else Level.WARNING


# Which alarms about the same subject (pool, bot, cause) a recovery ends: it goes to whoever got one of them.
ALARMS_OF: Final[dict[Kind, tuple[Kind, ...]]] = {
    Kind.MEMBER_ONLINE: (Kind.MEMBER_OFFLINE, Kind.MEMBER_BANNED),
    Kind.MEMBER_CLEARED: (Kind.MEMBER_SUSPECT, Kind.MEMBER_CONVERSION, Kind.MEMBER_DELIVERY),
    Kind.POOL_RECOVERED: (Kind.POOL_CRITICAL,),
    Kind.TRAFFIC_NORMAL: (Kind.TRAFFIC_ANOMALY,),
    Kind.OUTAGE_OVER: (Kind.OUTAGE,),
    Kind.BOT_RECOVERED: (Kind.BOT_FAILED,),
    Kind.DEAD_LETTERS_SETTLED: (Kind.DEAD_LETTERS,),
    Kind.SWEEP_BACK: (Kind.SWEEP_LATE,),
    Kind.SWITCH_ENDED: (Kind.SWITCH_SET,),
}
# Which recovery ends an alarm.
ENDED_BY: Final = {alarm: recovery for recovery, alarms in ALARMS_OF.items() for alarm in alarms}
# What may all be said of one trouble: a bot that dies is lost to its pools, a wave follows, health falls.
TROUBLES: Final = frozenset(
    {
        *(kind for kind in Kind if kind.startswith("member_")),
        Kind.BAN_WAVE,
        Kind.POOL_CRITICAL,
        Kind.POOL_RECOVERED,
        Kind.BOT_FAILED,
        Kind.BOT_RECOVERED,
        Kind.WEBHOOK_STOLEN,
        Kind.POLLED_ELSEWHERE,
        Kind.TRAFFIC_ANOMALY,
        Kind.TRAFFIC_NORMAL,
    }
)


def topic_of(kind: str) -> str:
    """What an alarm, its aggravation and its recovery have in common: the newest of them is what holds."""
    return ENDED_BY.get(Kind(kind), kind) if kind in set(Kind) else kind
