"""uncertain sends per bot

Revision: 0007
Follows: 0006
"""

from alembic import op
import sqlalchemy as sa


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default in the database: the code of the former release goes on inserting without it.
    op.add_column('bots', sa.Column('uncertain_policy', sa.String(length=20), nullable=False,
                                    server_default='at_least_once'))


def downgrade() -> None:
    op.drop_column('bots', 'uncertain_policy')
