"""the media library and what Telegram calls its files

Revision: 0047
Follows: 0046
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = models.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "media",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("mime", sa.String(length=100), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("stored_name", sa.String(length=32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("stored_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_media_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("account_id", "sha256", name=op.f("uq_media_account_id_sha256")),
        sa.UniqueConstraint("stored_name", name=op.f("uq_media_stored_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_media_created_at"), "media", ["created_at"])
    op.create_table(
        "media_uploads",
        sa.Column("media_id", ID, nullable=False),
        sa.Column("bot_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("telegram_bot_id", ID, nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["media_id"], ["media.id"], name=op.f("fk_media_uploads_media_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["bot_id"], ["bots.id"], name=op.f("fk_media_uploads_bot_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("media_id", "bot_id", "kind", name=op.f("pk_media_uploads")),
    )
    op.create_index(op.f("ix_media_uploads_bot_id"), "media_uploads", ["bot_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_media_uploads_bot_id"), table_name="media_uploads")
    op.drop_table("media_uploads")
    op.drop_index(op.f("ix_media_created_at"), table_name="media")
    op.drop_table("media")
