"""API keys that were replaced by another

Revision: 0040
Follows: 0039
"""

from alembic import op
import sqlalchemy as sa


revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "api_keys", sa.Column("replaced_by", sa.String(length=16), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("api_keys", "replaced_by")
