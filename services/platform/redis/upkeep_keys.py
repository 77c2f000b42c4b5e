"""Redis keys of what keeps the installation itself in order; as in `keys`, each says how long it lives or why for ever."""

from __future__ import annotations

from services.platform.redis.keys import PREFIX


def expired_deleted(day: str) -> str:
    """Set once the daily deletion of expired data was rung for; lives two days."""
    return f"{PREFIX}:expired:{day}"


def retention_report() -> str:
    """JSON of how much there was of each kind of data when it was counted last. For ever: one value."""
    return f"{PREFIX}:retention"


def to_forget() -> str:
    """Stream of people who were erased (account, person), whose traces are still to be removed. For ever: an entry goes when they are."""
    return f"{PREFIX}:upkeep:forget"


def about_person(telegram_id: str) -> str:
    """Pattern of the keys of bots in which a person's id stands; others have it by chance. Not a key."""
    return f"{PREFIX}:bot:*:*{telegram_id}*"


def backup_report() -> str:
    """Hash of what became of the last backup and the last trial of one, as JSON. For ever: lost, the store tells the age."""
    return f"{PREFIX}:backup"


def backup_progress(work: str) -> str:
    """JSON of how far a backup, or the trial of one, has come; lives an hour, and is believed only beside the lease."""
    return f"{PREFIX}:backup:progress:{work}"


def backup_rung(name: str) -> str:
    """Set once a job of backups was rung for; lives three hours, after which a failed one is tried again."""
    return f"{PREFIX}:backup:{name}"


def queue_history() -> str:
    """Stream of what waited in the queues, two small entries a minute, the last day; lives two days after the last one."""
    return f"{PREFIX}:queues:history"


def status_page(token: str, locale: str) -> str:
    """A public status page as HTML in one language, so that its visitors cost no query; lives half a minute."""
    return f"{PREFIX}:status:{token}:{locale}"


def diagnosis() -> str:
    """JSON of what the doctor found when a worker looked last. For ever: one value."""
    return f"{PREFIX}:diagnosis"


def reseal_position() -> str:
    """JSON of how far re-sealing came, for whoever goes on with it; lives a day."""
    return f"{PREFIX}:upkeep:reseal"


def first_sights() -> str:
    """Hash fingerprint of an encryption key -> when it was first seen, and first seen in front. For ever: two fields per key."""
    return f"{PREFIX}:upkeep:keys"


def write_probe() -> str:
    """Written to see whether Redis takes writes; lives a minute."""
    return f"{PREFIX}:probe"
