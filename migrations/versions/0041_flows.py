"""flows: what bots say and do, as data

Revision: 0041
Follows: 0040
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = models.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "flows",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("draft", sa.JSON(), nullable=False),
        sa.Column("draft_revision", ID, nullable=False),
        sa.Column("draft_by", sa.String(length=100), nullable=False),
        sa.Column("draft_at", MOMENT, nullable=False),
        sa.Column("published", ID, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_flows_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flows")),
        sa.UniqueConstraint("account_id", "key", name=op.f("uq_flows_account_id_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "flow_versions",
        sa.Column("flow_id", ID, autoincrement=False, nullable=False),
        sa.Column("number", ID, autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("published_by", sa.String(length=100), nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.Column("moves", sa.JSON(), nullable=False),
        sa.Column("restores", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["flows.id"], name=op.f("fk_flow_versions_flow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("flow_id", "number", name=op.f("pk_flow_versions")),
    )


def downgrade() -> None:
    op.drop_table("flow_versions")
    op.drop_table("flows")
