"""The session in which somebody looks at what may not be theirs."""

from __future__ import annotations

from contextlib import AbstractContextManager

from sqlalchemy.orm import Session

from services.platform.accounts.principal import Principal
from services.platform.platform import Platform


def looking(platform: Platform, caller: Principal) -> AbstractContextManager[Session]:
    """A session for queries that begin with `get_owned`.

    An admin's look at a foreign row writes, an audit entry; everybody else need not wait for SQLite's write lock.
    """
    return platform.database.transaction() if caller.is_admin else platform.database.reading()
