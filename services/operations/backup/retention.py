"""Which backups stay: the last one of each of the newest days, weeks and months."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from services.core.settings import Settings
from services.operations.backup.stores import Store, StoredBackup


def delete_old(settings: Settings, store: Store) -> list[str]:
    """Delete what need not stay; the names. Raises Unavailable."""
    backups = store.backups()
    kept = to_keep(
        backups, settings.backup_keep_daily, settings.backup_keep_weekly, settings.backup_keep_monthly
    )
    old = [backup.name for backup in backups if backup.name not in kept]
    for name in old:
        store.delete(name)
    return old


def to_keep(backups: Iterable[StoredBackup], daily: int, weekly: int, monthly: int) -> set[str]:
    """The names that stay of `backups`, newest first. Days, weeks and months without one count for nothing."""
    listed = list(backups)
    return (
        _last_of_each(listed, daily, lambda one: one.made_at.date())
        | _last_of_each(listed, weekly, lambda one: one.made_at.isocalendar()[:2])
        | _last_of_each(listed, monthly, lambda one: (one.made_at.year, one.made_at.month))
    )


def _last_of_each(backups: list[StoredBackup], most: int, period: Callable[[StoredBackup], Any]) -> set[str]:
    found: dict[Any, str] = {}
    for backup in backups:
        found.setdefault(period(backup), backup.name)
    return set(list(found.values())[:most])
