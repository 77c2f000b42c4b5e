"""numbers given once

On SQLite a table gave the number of its last row again after that row was deleted. AUTOINCREMENT ends that, and can only
be said when a table is made: each is made anew, with its own words, and filled. PostgreSQL's sequences never went back.

Foreign keys are off meanwhile (`migrations/env.py`): else dropping a table would delete what refers to it.

Revision: 0014
Follows: 0013
"""

import re

from alembic import op
import sqlalchemy as sa


revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

# Numbers that live on in columns without a foreign key: whose they are -> where.
TRACES = {
    'bots': [('audit_events', 'bot_id'), ('ban_wave_moves', 'bot_id'), ('check_durations', 'bot_id'),
             ('click_rollups', 'bot_id'), ('clicks', 'bot_id')],
    'redirect_pools': [('audit_events', 'pool_id'), ('clicks', 'link_pool_id'), ('daily_visitors', 'pool_id'),
                       ('experiment_visitors', 'pool_id')],
    'experiments': [('clicks', 'experiment_id')],
    'pool_rules': [('clicks', 'rule_id')],
    'leads': [('experiment_visitors', 'lead_id')],
}
# Above the highest number in the database, for what only Redis and the spool still name.
MARGIN = 10_000


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != 'sqlite':
        return
    if connection.scalar(sa.text('PRAGMA foreign_keys')):
        raise RuntimeError('foreign keys must be off while tables are made anew: run `flask db upgrade`')
    is_used = connection.scalar(sa.text('SELECT EXISTS (SELECT 1 FROM accounts)'))
    tables = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all()
    for name, words in tables:
        if f'CONSTRAINT pk_{name} PRIMARY KEY (id)' in words and re.search(r'\bid INTEGER NOT NULL', words):
            _make_anew(connection, name, words)
            if is_used:
                _begin_above(connection, name)


def downgrade() -> None:
    pass  # the former release works with these tables as they are


def _make_anew(connection: sa.Connection, name: str, words: str) -> None:
    numbered, keys = re.subn(r'\bid INTEGER NOT NULL', 'id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT', words, count=1)
    numbered, clauses = re.subn(rf',\s*CONSTRAINT pk_{name} PRIMARY KEY \(id\)', '', numbered)
    numbered, heads = re.subn(rf'^CREATE TABLE "?{name}"? ', f'CREATE TABLE anew_{name} ', numbered)
    if (keys, clauses, heads) != (1, 1, 1):
        raise RuntimeError(f'table {name} is not as the former migrations made it')
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :name AND sql IS NOT NULL")
    indexes = connection.scalars(query, {'name': name}).all()
    for statement in (
        numbered,
        f'INSERT INTO anew_{name} SELECT * FROM {name}',
        f'DROP TABLE {name}',
        f'ALTER TABLE anew_{name} RENAME TO {name}',
        *indexes,
    ):
        connection.exec_driver_sql(statement)


def _begin_above(connection: sa.Connection, name: str) -> None:
    numbered = [(name, 'id'), *TRACES.get(name, [])]
    tops = [connection.scalar(sa.text(f'SELECT MAX({column}) FROM {table}')) or 0 for table, column in numbered]
    connection.execute(sa.text('DELETE FROM sqlite_sequence WHERE name = :name'), {'name': name})
    connection.execute(sa.text('INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)'),
                       {'name': name, 'seq': max(tops) + MARGIN})
