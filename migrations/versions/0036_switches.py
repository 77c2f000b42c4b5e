"""switches of the installation, which end by themselves

Revision: 0036
Follows: 0035
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "switches",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("set_by", sa.String(length=50), nullable=False),
        sa.Column("set_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("is_end_told", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switches")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_switches_ends_at"), "switches", ["ends_at"])
    op.create_index(op.f("ix_switches_is_end_told"), "switches", ["is_end_told"])


def downgrade() -> None:
    op.drop_table("switches")
