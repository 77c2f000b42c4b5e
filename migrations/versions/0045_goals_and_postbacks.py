"""goals that people reach, payments, payment providers' webhooks, postbacks

Revision: 0045
Follows: 0040
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = models.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "goals",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("bot_id", ID, nullable=True),
        sa.Column("telegram_id", ID, nullable=True),
        sa.Column("lead_id", ID, nullable=True),
        sa.Column("goal", sa.String(length=30), nullable=False),
        sa.Column("amount_micros", ID, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("event_id", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("touched_at", MOMENT, nullable=True),
        sa.Column("click_id", sa.String(length=16), nullable=True),
        sa.Column("clicked_at", MOMENT, nullable=True),
        sa.Column("clicked_hour", MOMENT, nullable=True),
        sa.Column("pool_id", ID, nullable=True),
        sa.Column("click_source", sa.String(length=80), nullable=False),
        sa.Column("campaign", sa.String(length=60), nullable=False),
        sa.Column("ad", sa.String(length=60), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("device", sa.String(length=10), nullable=False),
        sa.Column("ad_ids", sa.JSON(), nullable=False),
        sa.CheckConstraint("source IN ('flow', 'plugin', 'api', 'payment', 'webhook', 'broadcast')", name=op.f("ck_goals_source_known")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_goals_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_goals_lead_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goals")),
        sa.UniqueConstraint("account_id", "event_id", name=op.f("uq_goals_account_id_event_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_goals_account_id_clicked_hour"), "goals", ['account_id', 'clicked_hour'], unique=False)
    op.create_index(op.f("ix_goals_bot_id_telegram_id"), "goals", ['bot_id', 'telegram_id'], unique=False)
    op.create_index(op.f("ix_goals_lead_id"), "goals", ['lead_id'], unique=False)
    op.create_index(op.f("ix_goals_pool_id_clicked_hour"), "goals", ['pool_id', 'clicked_hour'], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("bot_id", ID, nullable=False),
        sa.Column("telegram_id", ID, nullable=True),
        sa.Column("charge_id", sa.String(length=255), nullable=False),
        sa.Column("provider_charge_id", sa.String(length=255), nullable=False),
        sa.Column("amount_micros", ID, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payload", sa.String(length=128), nullable=False),
        sa.Column("is_recurring", sa.Boolean(), nullable=False),
        sa.Column("is_first_recurring", sa.Boolean(), nullable=False),
        sa.Column("paid_until", MOMENT, nullable=True),
        sa.Column("subscription_state", sa.String(length=10), nullable=False),
        sa.Column("refunded_at", MOMENT, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_payments_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("bot_id", "charge_id", name=op.f("uq_payments_bot_id_charge_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_payments_account_id"), "payments", ['account_id'], unique=False)
    op.create_index(op.f("ix_payments_bot_id_telegram_id"), "payments", ['bot_id', 'telegram_id'], unique=False)
    op.create_table(
        "payment_webhooks",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("path_id", sa.String(length=32), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("signature_header", sa.String(length=64), nullable=False),
        sa.Column("timestamp_header", sa.String(length=64), nullable=False),
        sa.Column("tolerance_seconds", ID, nullable=False),
        sa.Column("mapping", sa.JSON(), nullable=False),
        sa.Column("bot_id", ID, nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("last_call_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_payment_webhooks_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_payment_webhooks_bot_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_webhooks")),
        sa.UniqueConstraint("path_id", name=op.f("uq_payment_webhooks_path_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_payment_webhooks_account_id"), "payment_webhooks", ['account_id'], unique=False)
    op.create_index(op.f("ix_payment_webhooks_bot_id"), "payment_webhooks", ['bot_id'], unique=False)
    op.create_table(
        "payment_webhook_calls",
        sa.Column("id", ID, nullable=False),
        sa.Column("webhook_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("result", sa.String(length=10), nullable=False),
        sa.Column("reason", models.TextColumn(length=300), nullable=False),
        sa.Column("event_id", sa.String(length=100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.CheckConstraint("result IN ('recorded', 'duplicate', 'skipped', 'failed')", name=op.f("ck_payment_webhook_calls_result_known")),
        sa.ForeignKeyConstraint(["webhook_id"], ["payment_webhooks.id"], name=op.f("fk_payment_webhook_calls_webhook_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_webhook_calls")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_payment_webhook_calls_at"), "payment_webhook_calls", ['at'], unique=False)
    op.create_index(op.f("ix_payment_webhook_calls_webhook_id_id"), "payment_webhook_calls", ['webhook_id', 'id'], unique=False)
    op.create_table(
        "postbacks",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("driver", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("goals", sa.JSON(), nullable=False),
        sa.Column("pool_ids", sa.JSON(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("last_sent_at", MOMENT, nullable=True),
        sa.Column("last_error", models.TextColumn(length=300), nullable=False),
        sa.Column("last_error_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("driver IN ('url', 'webhook', 'meta', 'tiktok', 'google')", name=op.f("ck_postbacks_driver_known")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_postbacks_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postbacks")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_postbacks_account_id"), "postbacks", ['account_id'], unique=False)
    op.create_table(
        "postback_deliveries",
        sa.Column("id", ID, nullable=False),
        sa.Column("postback_id", ID, nullable=False),
        sa.Column("event", sa.String(length=5), nullable=False),
        sa.Column("event_id", sa.String(length=100), nullable=False),
        sa.Column("click_id", sa.String(length=16), nullable=True),
        sa.Column("goal_id", ID, nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("attempts", ID, nullable=False),
        sa.Column("next_attempt_at", MOMENT, nullable=False),
        sa.Column("answer_status", ID, nullable=True),
        sa.Column("last_error", models.TextColumn(length=300), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.CheckConstraint("status IN ('pending', 'sent', 'failed', 'skipped')", name=op.f("ck_postback_deliveries_status_known")),
        sa.CheckConstraint("event IN ('click', 'start', 'goal')", name=op.f("ck_postback_deliveries_event_known")),
        sa.ForeignKeyConstraint(["postback_id"], ["postbacks.id"], name=op.f("fk_postback_deliveries_postback_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postback_deliveries")),
        sa.UniqueConstraint("postback_id", "event_id", name=op.f("uq_postback_deliveries_postback_id_event_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_postback_deliveries_created_at"), "postback_deliveries", ['created_at'], unique=False)
    op.create_index(op.f("ix_postback_deliveries_postback_id_id"), "postback_deliveries", ['postback_id', 'id'], unique=False)
    op.create_index(op.f("ix_postback_deliveries_status_next_attempt_at"), "postback_deliveries", ['status', 'next_attempt_at'], unique=False)


def downgrade() -> None:
    op.drop_table("postback_deliveries")
    op.drop_table("postbacks")
    op.drop_table("payment_webhook_calls")
    op.drop_table("payment_webhooks")
    op.drop_table("payments")
    op.drop_table("goals")
