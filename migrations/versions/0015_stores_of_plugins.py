"""stores of plugins

Revision: 0015
Follows: 0014
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('plugin_stores',
    sa.Column('bot_id', ID, nullable=False),
    sa.Column('plugin', sa.String(length=50), nullable=False),
    sa.Column('size', ID, nullable=False),
    sa.ForeignKeyConstraint(['bot_id'], ['bots.id'], name=op.f('fk_plugin_stores_bot_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('bot_id', 'plugin', name=op.f('pk_plugin_stores'))
    )
    op.create_table('handled_updates',
    sa.Column('bot_id', ID, nullable=False),
    sa.Column('update_id', ID, nullable=False),
    sa.Column('part', sa.String(length=8), nullable=False),
    sa.Column('sealed_outcome', sa.Text(), nullable=False),
    sa.Column('at', models.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['bot_id'], ['bots.id'], name=op.f('fk_handled_updates_bot_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('bot_id', 'update_id', 'part', name=op.f('pk_handled_updates'))
    )
    op.create_index(op.f('ix_handled_updates_at'), 'handled_updates', ['at'], unique=False)
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE plugin_states ALTER COLUMN key TYPE VARCHAR(200) COLLATE "C"')


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE plugin_states ALTER COLUMN key TYPE VARCHAR(200) COLLATE "default"')
    op.drop_index(op.f('ix_handled_updates_at'), table_name='handled_updates')
    op.drop_table('handled_updates')
    op.drop_table('plugin_stores')
