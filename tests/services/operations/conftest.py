"""Whose alarms these are: the owners of the notifications' own tests."""

from tests.services.alerts.notifications.conftest import mailbox, owner, receiver

__all__ = ["mailbox", "owner", "receiver"]
