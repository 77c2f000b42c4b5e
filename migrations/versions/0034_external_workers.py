"""external workers: the owner's own program behind a bot

Revision: 0034
Follows: 0033
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "bot_workers",
        sa.Column("bot_id", ID, autoincrement=False, nullable=False),
        sa.Column("ordered", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("lease_seconds", ID, nullable=False, server_default="60"),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("token_made_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("command", sa.String(length=1000), nullable=False, server_default=""),
        sa.Column("image", sa.String(length=255), nullable=False, server_default=""),
        sa.Column("min_replicas", ID, nullable=False, server_default="0"),
        sa.Column("max_replicas", ID, nullable=False, server_default="1"),
        sa.Column("sealed_environment", sa.Text(), nullable=False, server_default=""),
        sa.Column("ending_since", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "min_replicas >= 0 AND min_replicas <= max_replicas",
            name=op.f("ck_bot_workers_replicas_in_order"),
        ),
        sa.ForeignKeyConstraint(
            ["bot_id"], ["bots.id"], name=op.f("fk_bot_workers_bot_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("bot_id", name=op.f("pk_bot_workers")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_bot_workers_token_hash")),
    )
    op.add_column("bots", sa.Column("worker_updates", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("bots", "worker_updates")
    op.drop_table("bot_workers")
