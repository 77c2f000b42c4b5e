"""whose a conversation with a bot is

Revision: 0020
Follows: 0016
"""

from alembic import op
import sqlalchemy as sa


revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default in the database: the code of the former release goes on inserting without it.
    op.add_column('bots', sa.Column('fsm_strategy', sa.String(length=12), nullable=False,
                                    server_default='USER_IN_CHAT'))


def downgrade() -> None:
    op.drop_column('bots', 'fsm_strategy')
