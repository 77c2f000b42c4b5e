"""timers of plugins, and where people stand in flows

Revision: 0042
Follows: 0041
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = models.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "timers",
        sa.Column("id", ID, nullable=False),
        sa.Column("bot_id", ID, nullable=False),
        sa.Column("plugin", sa.String(length=50), nullable=False),
        sa.Column("chat_id", ID, nullable=False),
        sa.Column("telegram_id", ID, nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("ring_at", MOMENT, nullable=False),
        sa.Column("rings", ID, nullable=False),
        sa.Column("note", sa.JSON(), nullable=False),
        sa.Column("address", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_timers_bot_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timers")),
        sa.UniqueConstraint(
            "bot_id", "plugin", "chat_id", "key", name=op.f("uq_timers_bot_id_plugin_chat_id_key")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_timers_ring_at"), "timers", ["ring_at"], unique=False)
    op.create_table(
        "flow_runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("bot_id", ID, nullable=False),
        sa.Column("telegram_id", ID, nullable=False),
        sa.Column("flow_id", ID, nullable=False),
        sa.Column("version", ID, nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("entered_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("paused_until", MOMENT, nullable=True),
        sa.Column("variables", sa.JSON(), nullable=False),
        sa.Column("goals", sa.JSON(), nullable=False),
        sa.Column("is_moved", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("revision", ID, server_default="1", nullable=False),
        sa.CheckConstraint(
            "status IN ('waiting', 'paused', 'ended', 'stopped')", name=op.f("ck_flow_runs_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["bot_id"], ["bots.id"], name=op.f("fk_flow_runs_bot_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["flows.id"], name=op.f("fk_flow_runs_flow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_runs")),
        sa.UniqueConstraint("bot_id", "telegram_id", name=op.f("uq_flow_runs_bot_id_telegram_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_flow_runs_flow_id_step"), "flow_runs", ["flow_id", "step"], unique=False)
    op.create_table(
        "flow_visits",
        sa.Column("bot_id", ID, autoincrement=False, nullable=False),
        sa.Column("telegram_id", ID, autoincrement=False, nullable=False),
        sa.Column("flow_id", ID, autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.Column("times", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["bot_id"], ["bots.id"], name=op.f("fk_flow_visits_bot_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["flows.id"], name=op.f("fk_flow_visits_flow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("bot_id", "telegram_id", "flow_id", "step", name=op.f("pk_flow_visits")),
    )
    op.create_index(op.f("ix_flow_visits_flow_id_step"), "flow_visits", ["flow_id", "step"], unique=False)


def downgrade() -> None:
    op.drop_table("flow_visits")
    op.drop_table("flow_runs")
    op.drop_table("timers")
