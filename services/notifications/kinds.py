"""What an owner can be told of, and how grave it is. The words are kept in rows: never rename one."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    RECOVERY = "recovery"


class Kind(StrEnum):
    """A kind of notification; `texts.py` has its sentence in each language."""

    MEMBER_OFFLINE = "member_offline"
    MEMBER_BANNED = "member_banned"
    MEMBER_ONLINE = "member_online"
    POOL_CRITICAL = "pool_critical"
    POOL_RECOVERED = "pool_recovered"
    OUTAGE = "outage"
    OUTAGE_OVER = "outage_over"
    WEBHOOK_STOLEN = "webhook_stolen"
    POLLED_ELSEWHERE = "polled_elsewhere"
    BOT_FAILED = "bot_failed"
    QUEUE_LAG = "queue_lag"
    DEAD_LETTERS = "dead_letters"
    TRAFFIC_ANOMALY = "traffic_anomaly"
    KEY_ROTATION_DUE = "key_rotation_due"

    @property
    def level(self) -> Level:
        """The level that goes with this kind."""
        if self in (Kind.MEMBER_ONLINE, Kind.POOL_RECOVERED, Kind.OUTAGE_OVER):
            return Level.RECOVERY
        if self in (Kind.MEMBER_BANNED, Kind.POOL_CRITICAL, Kind.OUTAGE, Kind.WEBHOOK_STOLEN):
            return Level.CRITICAL
        return Level.INFO if self is Kind.KEY_ROTATION_DUE else Level.WARNING
