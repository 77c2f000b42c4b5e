"""gaps between checks

Revision: 0009
Follows: 0008
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('check_gaps',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('pool_bot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('began_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('ended_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['pool_bot_id'], ['pool_bots.id'], name=op.f('fk_check_gaps_pool_bot_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_check_gaps'))
    )
    op.create_index(op.f('ix_check_gaps_pool_bot_id_ended_at'), 'check_gaps', ['pool_bot_id', 'ended_at'])


def downgrade() -> None:
    op.drop_table('check_gaps')
