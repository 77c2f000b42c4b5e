"""A pool of connections that are all in use: whoever waits in vain is told as where the database is away."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import QueuePool, create_engine, text

from services.core.errors import Unavailable
from services.platform.database import Database


def test_whoever_waits_in_vain_for_a_connection_is_told_to_come_again(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'one.db'}"
    engine = create_engine(address, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.1)
    database = Database(engine)
    with database.reading() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(Unavailable) as caught:
            database.ping()
    assert caught.value.code == "database_unavailable"
    database.ping()
    database.dispose()
