"""the manager bot, and who may write to it

Revision: 0031
Follows: 0030
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "telegram_links",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("telegram_id", ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_telegram_links_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telegram_links")),
        sa.UniqueConstraint("telegram_id", name=op.f("uq_telegram_links_telegram_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_telegram_links_account_id"), "telegram_links", ["account_id"], unique=False)
    op.create_table(
        "telegram_link_codes",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("expires_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_telegram_link_codes_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telegram_link_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_telegram_link_codes_code_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_telegram_link_codes_account_id"), "telegram_link_codes", ["account_id"], unique=False
    )
    op.add_column("bots", sa.Column("is_manager", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "uq_bots_is_manager",
        "bots",
        ["is_manager"],
        unique=True,
        sqlite_where=sa.text("is_manager"),
        postgresql_where=sa.text("is_manager"),
    )
    op.add_column("bots", sa.Column("running_since", models.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("bots", "running_since")
    op.drop_index("uq_bots_is_manager", table_name="bots")
    op.drop_column("bots", "is_manager")
    op.drop_index(op.f("ix_telegram_link_codes_account_id"), table_name="telegram_link_codes")
    op.drop_table("telegram_link_codes")
    op.drop_index(op.f("ix_telegram_links_account_id"), table_name="telegram_links")
    op.drop_table("telegram_links")
