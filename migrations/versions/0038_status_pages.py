"""status pages, and what uptime pools had on each day

Revision: 0038
Follows: 0036
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0038"
down_revision = "0036"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = models.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "pool_days",
        sa.Column("pool_id", ID, autoincrement=False, nullable=False),
        sa.Column("day", MOMENT, nullable=False),
        sa.Column("up_seconds", ID, nullable=False),
        sa.Column("watched_seconds", ID, nullable=False),
        sa.Column("counted_until", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["pool_id"], ["redirect_pools.id"], name=op.f("fk_pool_days_pool_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pool_id", "day", name=op.f("pk_pool_days")),
    )
    op.create_table(
        "status_pages",
        sa.Column("account_id", ID, autoincrement=False, nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("shows_incidents", sa.Boolean(), nullable=False),
        sa.Column("allows_search", sa.Boolean(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_status_pages_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_status_pages")),
        sa.UniqueConstraint("token", name=op.f("uq_status_pages_token")),
    )
    op.create_table(
        "status_page_pools",
        sa.Column("pool_id", ID, autoincrement=False, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("position", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["status_pages.account_id"],
            name=op.f("fk_status_page_pools_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["pool_id"], ["redirect_pools.id"], name=op.f("fk_status_page_pools_pool_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pool_id", name=op.f("pk_status_page_pools")),
    )
    op.create_index(
        op.f("ix_status_page_pools_account_id"), "status_page_pools", ["account_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_status_page_pools_account_id"), table_name="status_page_pools")
    op.drop_table("status_page_pools")
    op.drop_table("status_pages")
    op.drop_table("pool_days")
