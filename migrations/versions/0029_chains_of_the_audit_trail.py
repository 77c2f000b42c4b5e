"""the audit trail is a chain per account and append-only

Revision: 0029
Follows: 0028
"""

import hashlib
import json
from datetime import UTC

from alembic import op
import sqlalchemy as sa
import models


revision = '0029'
down_revision = '0028'
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
BATCH = 1000
TRIGGERS = {
    'sqlite': (
        "CREATE TRIGGER audit_events_keep BEFORE UPDATE ON audit_events WHEN OLD.sequence IS NOT NULL BEGIN "
        "SELECT RAISE(ABORT, 'entries of the audit trail are never changed'); END",
        "CREATE TRIGGER audit_events_stay BEFORE DELETE ON audit_events WHEN (OLD.sequence IS NULL OR OLD.sequence > coalesce("
        "(SELECT anchor_sequence FROM audit_chains WHERE account_id = OLD.account_id), 0)) "
        "AND EXISTS (SELECT 1 FROM accounts WHERE id = OLD.account_id) BEGIN "
        "SELECT RAISE(ABORT, 'entries of the audit trail go by age alone'); END",
    ),
    'postgresql': (
        "CREATE OR REPLACE FUNCTION audit_events_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'DELETE' AND (OLD.sequence <= coalesce("
        "(SELECT anchor_sequence FROM audit_chains WHERE account_id = OLD.account_id), 0) "
        "OR NOT EXISTS (SELECT 1 FROM accounts WHERE id = OLD.account_id)) THEN RETURN OLD; END IF; "
        "IF TG_OP = 'UPDATE' AND OLD.sequence IS NULL THEN RETURN NEW; END IF; "
        "RAISE EXCEPTION 'entries of the audit trail are never changed, and go by age alone'; END $$",
        "CREATE TRIGGER audit_events_guard BEFORE UPDATE OR DELETE ON audit_events "
        "FOR EACH ROW EXECUTE FUNCTION audit_events_guard()",
    ),
}
UNDONE = {
    'sqlite': ("DROP TRIGGER audit_events_keep", "DROP TRIGGER audit_events_stay"),
    'postgresql': ("DROP TRIGGER audit_events_guard ON audit_events", "DROP FUNCTION audit_events_guard()"),
}
TRAIL = sa.table(
    'audit_events', sa.column('id', ID), sa.column('account_id', ID), sa.column('sequence', ID), sa.column('at', models.UtcDateTime(timezone=True)),
    sa.column('actor', sa.String), sa.column('kind', sa.String), sa.column('bot_id', ID), sa.column('pool_id', ID),
    sa.column('ip', sa.String), sa.column('details', sa.JSON), sa.column('hash', sa.String),
)


def upgrade() -> None:
    op.create_table('audit_chains',
    sa.Column('account_id', ID, autoincrement=False, nullable=False),
    sa.Column('sequence', ID, nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('anchor_sequence', ID, nullable=False),
    sa.Column('anchor_hash', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_audit_chains_account_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_audit_chains'))
    )
    op.execute("DELETE FROM audit_events WHERE account_id IS NULL")  # no release has written one
    # No table is made anew on SQLite: it would forget which numbers it gave.
    op.add_column('audit_events', sa.Column('sequence', ID, nullable=True))  # code of the former release writes none
    op.add_column('audit_events', sa.Column('changes', sa.JSON(), nullable=False, server_default='[]'))
    op.add_column('audit_events', sa.Column('hash', sa.String(length=64), nullable=False, server_default=''))
    _chain(op.get_bind())
    op.create_index(op.f('ix_audit_events_account_id_sequence'), 'audit_events', ['account_id', 'sequence'], unique=True)
    for statement in TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    for statement in UNDONE[op.get_bind().dialect.name]:
        op.execute(statement)
    op.drop_index(op.f('ix_audit_events_account_id_sequence'), table_name='audit_events')
    op.drop_column('audit_events', 'hash')
    op.drop_column('audit_events', 'changes')
    op.drop_column('audit_events', 'sequence')
    op.drop_table('audit_chains')


def _chain(connection) -> None:
    """Number what is there, and chain it: from now on no change of it goes unnoticed either."""
    ends: dict[int, tuple[int, str]] = {}
    last = 0
    while rows := connection.execute(sa.select(TRAIL).where(TRAIL.c.id > last).order_by(TRAIL.c.id).limit(BATCH)).all():
        links = []
        for row in rows:
            sequence, former = ends.get(row.account_id, (0, ''))
            digest = _hash(former, sequence + 1, row)
            ends[row.account_id] = sequence + 1, digest
            links.append({'number': row.id, 'place': sequence + 1, 'digest': digest})
        link = sa.update(TRAIL).where(TRAIL.c.id == sa.bindparam('number'))
        connection.execute(link.values(sequence=sa.bindparam('place'), hash=sa.bindparam('digest')), links)
        last = rows[-1].id
    chains = sa.table('audit_chains', *(sa.column(name) for name in ('account_id', 'sequence', 'hash', 'anchor_sequence', 'anchor_hash')))
    if ends:
        connection.execute(sa.insert(chains), [
            {'account_id': account, 'sequence': sequence, 'hash': digest, 'anchor_sequence': 0, 'anchor_hash': ''}
            for account, (sequence, digest) in ends.items()
        ])


def _hash(former, sequence, row) -> str:
    at = row.at.astimezone(UTC).isoformat(timespec='microseconds')
    content = [former, row.account_id, sequence, at, row.actor, row.kind, row.bot_id, row.pool_id, row.ip, row.details, []]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
