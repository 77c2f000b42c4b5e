"""whether a person's step has handed them over to people

Revision: 0046
Follows: 0045
"""

from alembic import op
import sqlalchemy as sa


revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "flow_runs", sa.Column("handed_over", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("flow_runs", "handed_over")
