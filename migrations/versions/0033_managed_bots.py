"""managed bots, usernames offered for them, spares that a pool wants

Revision: 0033
Follows: 0032
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = models.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bot_offers",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("pool_id", ID, nullable=True),
        sa.Column("username", sa.String(length=32), nullable=False),
        sa.Column("as_spare", sa.Boolean(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_bot_offers_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["pool_id"], ["redirect_pools.id"], name=op.f("fk_bot_offers_pool_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bot_offers")),
        sa.UniqueConstraint("username", name=op.f("uq_bot_offers_username")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_bot_offers_account_id"), "bot_offers", ["account_id"], unique=False)
    op.create_index(op.f("ix_bot_offers_pool_id"), "bot_offers", ["pool_id"], unique=False)
    op.create_table(
        "managed_bots",
        sa.Column("id", ID, nullable=False),
        sa.Column("telegram_bot_id", ID, nullable=False),
        sa.Column("manager_telegram_id", ID, nullable=False),
        sa.Column("username", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner_telegram_id", ID, nullable=False),
        sa.Column("owner_name", sa.String(length=64), nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("pool_id", ID, nullable=True),
        sa.Column("as_spare", sa.Boolean(), nullable=False),
        sa.Column("rotating_at", MOMENT, nullable=True),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["pool_id"], ["redirect_pools.id"], name=op.f("fk_managed_bots_pool_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_managed_bots")),
        sa.UniqueConstraint("telegram_bot_id", name=op.f("uq_managed_bots_telegram_bot_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_managed_bots_owner_telegram_id"), "managed_bots", ["owner_telegram_id"], unique=False
    )
    op.create_index(op.f("ix_managed_bots_pool_id"), "managed_bots", ["pool_id"], unique=False)
    op.add_column(
        "redirect_pools", sa.Column("naming_pattern", sa.String(length=40), nullable=False, server_default="")
    )
    op.add_column("redirect_pools", sa.Column("spare_count", ID, nullable=False, server_default="0"))
    op.add_column("redirect_pools", sa.Column("spares_short_since", MOMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("redirect_pools", "spares_short_since")
    op.drop_column("redirect_pools", "spare_count")
    op.drop_column("redirect_pools", "naming_pattern")
    op.drop_index(op.f("ix_managed_bots_pool_id"), table_name="managed_bots")
    op.drop_index(op.f("ix_managed_bots_owner_telegram_id"), table_name="managed_bots")
    op.drop_table("managed_bots")
    op.drop_index(op.f("ix_bot_offers_pool_id"), table_name="bot_offers")
    op.drop_index(op.f("ix_bot_offers_account_id"), table_name="bot_offers")
    op.drop_table("bot_offers")
