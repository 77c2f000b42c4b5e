"""Who wrote to a bot, as a careful author keeps it: one read per update, one write and commit per person that is new.

Plain sqlite3, the least that Python can spend on it: SQLAlchemy would cost a peer more. WAL with `synchronous=NORMAL` (ours
has FULL): no wait for the disk at a commit. Known people are written again as ours are: when their names change, and every
ten minutes for the moment at which they wrote last.
"""

from __future__ import annotations

import sqlite3
import time

RENEWED_SECONDS = 600.0
TABLE = """
create table if not exists leads (
    id integer primary key,
    bot_id integer not null,
    telegram_id integer not null,
    first_name varchar(64) not null,
    last_name varchar(64) not null,
    username varchar(32) not null,
    language varchar(16) not null,
    first_interaction real not null,
    last_interaction real not null,
    unique (bot_id, telegram_id)
)"""
READ = """
select first_name, last_name, username, language, last_interaction from leads
where bot_id = ? and telegram_id = ?"""
WRITE = """
insert into leads
    (bot_id, telegram_id, first_name, last_name, username, language, first_interaction, last_interaction)
values (?, ?, ?, ?, ?, ?, ?, ?)
on conflict (bot_id, telegram_id) do update set
    first_name = excluded.first_name, last_name = excluded.last_name, username = excluded.username,
    language = excluded.language, last_interaction = excluded.last_interaction"""


class Leads:
    """The table, over one connection."""

    def __init__(self, file: str) -> None:
        self._connection = sqlite3.connect(file, timeout=30, isolation_level=None)  # each statement commits
        self._connection.execute("pragma journal_mode=wal")
        self._connection.execute("pragma synchronous=normal")
        self._connection.execute(TABLE)

    def keep(self, bot_id: int, telegram_id: int, names: tuple[str, str, str, str]) -> None:
        """Note that this person wrote; `names`: first name, last name, user name, language."""
        found = self._connection.execute(READ, (bot_id, telegram_id)).fetchone()
        now = time.time()
        if found is None or found[:4] != names or found[4] < now - RENEWED_SECONDS:
            self._connection.execute(WRITE, (bot_id, telegram_id, *names, now, now))
