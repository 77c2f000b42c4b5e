"""external workers that we start, that speak Kafka, or that take their updates by webhook

Revision: 0035
Follows: 0034
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column in (
        sa.Column("sealed_token", sa.Text(), nullable=False, server_default=""),
        sa.Column("transport", sa.String(length=8), nullable=False, server_default="redis"),
        sa.Column("passes_bot_token", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("restarted_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("sealed_webhook_url", sa.Text(), nullable=False, server_default=""),
        sa.Column("sealed_webhook_secret", sa.Text(), nullable=False, server_default=""),
        sa.Column("webhook_connections", ID, nullable=False, server_default="40"),
        sa.Column("webhook_updates", sa.JSON(), nullable=False, server_default="[]"),
    ):
        op.add_column("bot_workers", column)


def downgrade() -> None:
    for name in (
        "webhook_updates",
        "webhook_connections",
        "sealed_webhook_secret",
        "sealed_webhook_url",
        "restarted_at",
        "passes_bot_token",
        "transport",
        "sealed_token",
    ):
        op.drop_column("bot_workers", name)
