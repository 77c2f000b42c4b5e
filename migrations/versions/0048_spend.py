"""what advertising cost: imports, their parts, rows by day, exchange rates

Revision: 0048
Follows: 0047
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = models.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "spend_imports",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=9), nullable=False),
        sa.Column("layout", sa.JSON(), nullable=False),
        sa.Column("lines", ID, nullable=False),
        sa.Column("rows", ID, nullable=False),
        sa.Column("written", ID, nullable=False),
        sa.Column("replaced", ID, nullable=False),
        sa.Column("sums", sa.JSON(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint("status IN ('uploading', 'reading', 'writing', 'done', 'failed')", name=op.f("ck_spend_imports_status_known")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_spend_imports_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spend_imports")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_spend_imports_account_id_id"), "spend_imports", ["account_id", "id"], unique=False)
    op.create_index(op.f("ix_spend_imports_status"), "spend_imports", ["status"], unique=False)
    op.create_table(
        "spend_import_parts",
        sa.Column("import_id", ID, autoincrement=False, nullable=False),
        sa.Column("number", ID, autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["spend_imports.id"], name=op.f("fk_spend_import_parts_import_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_spend_import_parts")),
    )
    op.create_table(
        "spend",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("campaign", sa.String(length=60), nullable=False),
        sa.Column("ad", sa.String(length=60), nullable=False),
        sa.Column("amount_micros", ID, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("import_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_spend_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["import_id"], ["spend_imports.id"], name=op.f("fk_spend_import_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spend")),
        sa.UniqueConstraint("account_id", "day", "source", "campaign", "ad", name=op.f("uq_spend_account_id_day_source_campaign_ad")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_spend_import_id"), "spend", ["import_id"], unique=False)
    op.create_table(
        "exchange_rates",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("into", sa.String(length=3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("rate_billionths", ID, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_exchange_rates_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_rates")),
        sa.UniqueConstraint("account_id", "currency", "into", "day", name=op.f("uq_exchange_rates_account_id_currency_into_day")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("exchange_rates")
    op.drop_table("spend")
    op.drop_table("spend_import_parts")
    op.drop_table("spend_imports")
