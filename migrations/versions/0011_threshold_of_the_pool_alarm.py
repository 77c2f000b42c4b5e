"""threshold of the pool alarm

Revision: 0011
Follows: 0010
"""

from alembic import op
import sqlalchemy as sa


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.add_column('redirect_pools',
                  sa.Column('critical_below_percent', ID, nullable=False, server_default='50'))


def downgrade() -> None:
    op.drop_column('redirect_pools', 'critical_below_percent')
