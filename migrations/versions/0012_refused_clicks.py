"""refused clicks

Revision: 0012
Follows: 0011
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('refused_clicks',
    sa.Column('pool_id', ID, nullable=False),
    sa.Column('hour', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('refused', ID, nullable=False),
    sa.ForeignKeyConstraint(['pool_id'], ['redirect_pools.id'], name=op.f('fk_refused_clicks_pool_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('pool_id', 'hour', name=op.f('pk_refused_clicks'))
    )


def downgrade() -> None:
    op.drop_table('refused_clicks')
