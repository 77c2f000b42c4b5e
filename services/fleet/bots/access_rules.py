"""Whom a bot answers: its lists as they stand at a moment, without I/O. Entries end by time alone, without a write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from models import AccessList


@dataclass(frozen=True)
class AccessEntry:
    """Somebody on a list: a person, or a chat that people write as. `until` None means for good."""

    telegram_id: int
    until: datetime | None = None
    note: str = ""

    def is_in_force(self, now: datetime) -> bool:
        """Whether it has not ended."""
        return self.until is None or now < self.until


@dataclass(frozen=True)
class Access:
    """The three lists of a bot. Nobody in `allowed` means everybody."""

    allowed: tuple[AccessEntry, ...] = ()
    blocked: tuple[AccessEntry, ...] = ()
    admins: tuple[AccessEntry, ...] = ()

    def of(self, name: AccessList) -> tuple[AccessEntry, ...]:
        """The entries of one list."""
        lists = {AccessList.ALLOWED: self.allowed, AccessList.BLOCKED: self.blocked}
        return lists.get(name, self.admins)

    def has(self, name: AccessList, telegram_id: int, now: datetime) -> bool:
        """Whether somebody is on a list now."""
        entry = self._by_id[name].get(telegram_id)
        return entry is not None and entry.is_in_force(now)

    def has_for_good(self, name: AccessList, telegram_id: int) -> bool:
        """Whether somebody is on a list without an end."""
        entry = self._by_id[name].get(telegram_id)
        return entry is not None and entry.until is None

    def is_for_some(self, now: datetime) -> bool:
        """Whether only those in `allowed` are answered: as long as one entry there is in force."""
        return self._last_allowed is not None and self._last_allowed.is_in_force(now)

    @cached_property
    def _by_id(self) -> Mapping[AccessList, Mapping[int, AccessEntry]]:
        return {name: {entry.telegram_id: entry for entry in self.of(name)} for name in AccessList}

    @cached_property
    def _last_allowed(self) -> AccessEntry | None:
        """The entry that ends last."""
        return max(
            self.allowed,
            key=lambda entry: (entry.until is None, entry.until.timestamp() if entry.until else 0),
            default=None,
        )


@dataclass(frozen=True)
class AccessRules:
    """All that decides about access to a bot. `maintenance_message` "" means the text of the house.

    `only` are the people whom a switch of the installation has every bot answer, besides its admins; None without it.
    """

    lists: Access = field(default_factory=Access)
    maintenance: bool = False
    maintenance_message: str = ""
    captcha: bool = False
    only: frozenset[int] | None = None

    def is_admin(self, telegram_id: int, now: datetime) -> bool:
        """Whether somebody may do what others may not; who is blocked may not."""
        return self.lists.has(AccessList.ADMIN, telegram_id, now) and not self.is_blocked(telegram_id, now)

    def is_blocked(self, telegram_id: int, now: datetime) -> bool:
        """Whether somebody is never answered."""
        return self.lists.has(AccessList.BLOCKED, telegram_id, now)

    def is_allowed(self, telegram_id: int, now: datetime) -> bool:
        """Whether somebody may use the bot, blocks aside."""
        if self.only is not None and telegram_id not in self.only and not self.is_admin(telegram_id, now):
            return False
        if not self.lists.is_for_some(now):
            return True
        return self.lists.has(AccessList.ALLOWED, telegram_id, now) or self.is_admin(telegram_id, now)


OPEN = AccessRules()
