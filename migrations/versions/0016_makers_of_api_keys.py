"""makers of api keys

Revision: 0016
Follows: 0015
"""

from alembic import op
import sqlalchemy as sa


revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('api_keys', sa.Column('made_by', sa.String(16), nullable=False, server_default=''))
    _take_from_the_trail(op.get_bind())


def _take_from_the_trail(connection: sa.Connection) -> None:
    """Which key made which, for those that are there: the audit trail has known it all along."""
    trail = sa.table('audit_events', sa.column('kind', sa.String), sa.column('actor', sa.String), sa.column('details', sa.JSON))
    keys = sa.table('api_keys', sa.column('key_id', sa.String), sa.column('made_by', sa.String))
    made = sa.select(trail.c.actor, trail.c.details).where(trail.c.kind == 'key_created', trail.c.actor.like('key:%'))
    for actor, details in connection.execute(made).all():
        maker, made_key = actor.removeprefix('key:')[:16], (details or {}).get('key')
        if isinstance(made_key, str):
            connection.execute(sa.update(keys).where(keys.c.key_id == made_key).values(made_by=maker))


def downgrade() -> None:
    op.drop_column('api_keys', 'made_by')
