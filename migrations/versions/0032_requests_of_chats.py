"""what is asked for in the manager bot's chat and takes more than a tap; invitations are links like any

Revision: 0032
Follows: 0031
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "chat_requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("link_id", ID, nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.String(length=64), nullable=False),
        sa.Column("words", models.TextColumn(length=300), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_chat_requests_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["link_id"], ["telegram_links.id"], name=op.f("fk_chat_requests_link_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_requests")),
        sa.UniqueConstraint("link_id", name=op.f("uq_chat_requests_link_id")),
    )
    op.create_index(op.f("ix_chat_requests_account_id"), "chat_requests", ["account_id"], unique=False)
    op.add_column(
        "telegram_links", sa.Column("confirmed_at", models.UtcDateTime(timezone=True), nullable=True)
    )
    # Without its e-mail an invitation would link whoever has it to the account of who invited.
    op.execute("DELETE FROM telegram_link_codes WHERE email <> ''")
    op.drop_column("telegram_link_codes", "email")


def downgrade() -> None:
    op.add_column(
        "telegram_link_codes",
        sa.Column("email", sa.String(length=254), nullable=False, server_default=""),
    )
    op.drop_column("telegram_links", "confirmed_at")
    op.drop_index(op.f("ix_chat_requests_account_id"), table_name="chat_requests")
    op.drop_table("chat_requests")
