"""what a click was chosen from

Revision: 0002
Follows: 0001
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default in the database: the code of the former release goes on inserting without these columns.
    op.add_column("clicks", sa.Column("candidates", sa.Text(), nullable=False, server_default=""))
    op.add_column("clicks", sa.Column("position", models.BigId, nullable=True))


def downgrade() -> None:
    op.drop_column("clicks", "position")
    op.drop_column("clicks", "candidates")
