"""Queues belong to the installation: only admins look into them. A bot's outbox is its owner's too."""

from __future__ import annotations

from services.core.errors import Forbidden
from services.platform.accounts.principal import Principal


def require_admin(caller: Principal) -> None:
    """Raise Forbidden `admin_only` for anybody but an admin."""
    if not caller.is_admin:
        raise Forbidden("Only an admin may look into the installation's queues", code="admin_only")
