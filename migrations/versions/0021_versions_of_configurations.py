"""versions of plugins' configurations

Revision: 0021
Follows: 0016
"""

from alembic import op
import sqlalchemy as sa


revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('bot_plugins', sa.Column('config_version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False,
                                           server_default='1'))


def downgrade() -> None:
    op.drop_column('bot_plugins', 'config_version')
