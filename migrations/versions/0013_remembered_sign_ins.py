"""remembered sign-ins

Revision: 0013
Follows: 0012
"""

from alembic import op
import sqlalchemy as sa


revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The cookies of the former release are no longer read: rows that nothing opens must not be listed as signed in.
    op.execute(sa.text('DELETE FROM account_sessions'))
    op.add_column('account_sessions', sa.Column('is_remembered', sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column('account_sessions', 'is_remembered')
