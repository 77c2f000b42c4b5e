"""broadcasts and their ledger

Revision: 0044
Follows: 0043
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = models.UtcDateTime(timezone=True)
KINDS = ("send", "edit", "delete")
STATUSES = ("draft", "scheduled", "preparing", "running", "paused", "braked", "done", "stopped")
OUTCOMES = ("waiting", "queued", "sent", "failed", "blocked", "skipped", "uncertain")


def _known(column: str, table: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    names = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({names})", name=op.f(f"ck_{table}_{column}_known"))


def upgrade() -> None:
    op.create_table(
        "broadcasts",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=6), nullable=False),
        sa.Column("status", sa.String(length=9), nullable=False),
        sa.Column("variants", sa.JSON(), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("has_opt_out", sa.Boolean(), nullable=False),
        sa.Column("per_second", ID, nullable=False),
        sa.Column("brake_percent", ID, nullable=False),
        sa.Column("quiet_from", sa.String(length=5), nullable=False),
        sa.Column("quiet_until", sa.String(length=5), nullable=False),
        sa.Column("time_zone", sa.String(length=50), nullable=False),
        sa.Column("goal_tag", sa.String(length=50), nullable=False),
        sa.Column("scheduled_at", MOMENT, nullable=True),
        sa.Column("every_hours", ID, nullable=False),
        sa.Column("once_per_person", sa.Boolean(), nullable=False),
        sa.Column("only_new", sa.Boolean(), nullable=False),
        sa.Column("new_since", MOMENT, nullable=True),
        sa.Column("prepared_to", ID, nullable=False),
        sa.Column("recipients", ID, nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("cause", sa.String(length=50), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        _known("kind", "broadcasts", KINDS),
        _known("status", "broadcasts", STATUSES),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_broadcasts_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["broadcasts.id"], name=op.f("fk_broadcasts_parent_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcasts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_broadcasts_parent_id"), "broadcasts", ["parent_id"])
    op.create_index(op.f("ix_broadcasts_account_id_created_at"), "broadcasts", ["account_id", "created_at"])
    op.create_index(op.f("ix_broadcasts_status_scheduled_at"), "broadcasts", ["status", "scheduled_at"])
    op.create_table(
        "broadcast_recipients",
        sa.Column("broadcast_id", ID, autoincrement=False, nullable=False),
        sa.Column("telegram_id", ID, autoincrement=False, nullable=False),
        sa.Column("bot_id", ID, nullable=False),
        sa.Column("variant", ID, nullable=False),
        sa.Column("status", sa.String(length=9), nullable=False),
        sa.Column("cause", sa.String(length=80), nullable=False),
        sa.Column("message_id", ID, nullable=True),
        sa.Column("at", MOMENT, nullable=True),
        _known("status", "broadcast_recipients", OUTCOMES),
        sa.ForeignKeyConstraint(
            ["broadcast_id"],
            ["broadcasts.id"],
            name=op.f("fk_broadcast_recipients_broadcast_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("broadcast_id", "telegram_id", name=op.f("pk_broadcast_recipients")),
    )
    op.create_index(
        "ix_broadcast_recipients_work",
        "broadcast_recipients",
        ["broadcast_id", "bot_id", "status", "telegram_id"],
    )


def downgrade() -> None:
    op.drop_index("ix_broadcast_recipients_work", table_name="broadcast_recipients")
    op.drop_table("broadcast_recipients")
    op.drop_index(op.f("ix_broadcasts_status_scheduled_at"), table_name="broadcasts")
    op.drop_index(op.f("ix_broadcasts_account_id_created_at"), table_name="broadcasts")
    op.drop_index(op.f("ix_broadcasts_parent_id"), table_name="broadcasts")
    op.drop_table("broadcasts")
