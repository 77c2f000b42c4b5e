"""segments and changes of people, conversations and their messages

Revision: 0043
Follows: 0042
"""

from alembic import op
import sqlalchemy as sa
import models


revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = models.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "bots", sa.Column("keeps_messages", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "segments",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_segments_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_segments_account_id_name")),
        sqlite_autoincrement=True,
    )
    _people_changes()
    _conversations()
    _chat_messages()


def _people_changes() -> None:
    op.create_table(
        "people_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("tag", sa.String(length=50), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("lead_ids", sa.JSON(), nullable=True),
        sa.Column("total", ID, nullable=False),
        sa.Column("last_lead_id", ID, nullable=False),
        sa.Column("cursor", ID, nullable=False),
        sa.Column("changed", ID, nullable=False),
        sa.Column("looked_at", ID, nullable=False),
        sa.Column("refused", ID, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_people_changes_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_people_changes_account_id"), "people_changes", ["account_id"], unique=False)
    op.create_index(op.f("ix_people_changes_ended_at"), "people_changes", ["ended_at"], unique=False)


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("bot_id", ID, nullable=False),
        sa.Column("telegram_id", ID, nullable=False),
        sa.Column("unanswered_since", MOMENT, nullable=True),
        sa.Column("last_message_at", MOMENT, nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("answered_by", sa.String(length=100), nullable=False, server_default=""),
        sa.Column("assigned_to", sa.String(length=100), nullable=False, server_default=""),
        sa.Column("taken_over_until", MOMENT, nullable=True),
        sa.Column("revision", ID, nullable=False, server_default="1"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_conversations_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["bot_id"], ["bots.id"], name=op.f("fk_conversations_bot_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("bot_id", "telegram_id", name=op.f("uq_conversations_bot_id_telegram_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_conversations_account_id_unanswered_since"),
        "conversations",
        ["account_id", "unanswered_since"],
        unique=False,
    )


def _chat_messages() -> None:
    op.create_table(
        "chat_messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("bot_id", ID, nullable=False),
        sa.Column("telegram_id", ID, nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("sealed_text", sa.Text(), nullable=False),
        sa.Column("message_id", ID, nullable=True),
        sa.Column("update_id", ID, nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False, server_default=""),
        sa.Column("failure", sa.String(length=300), nullable=False, server_default=""),
        sa.Column("by", sa.String(length=100), nullable=False, server_default=""),
        sa.Column("form_key", sa.String(length=40), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["bot_id"], ["bots.id"], name=op.f("fk_chat_messages_bot_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_messages")),
        sa.UniqueConstraint("bot_id", "form_key", name=op.f("uq_chat_messages_bot_id_form_key")),
        sa.UniqueConstraint("bot_id", "update_id", name=op.f("uq_chat_messages_bot_id_update_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_chat_messages_at"), "chat_messages", ["at"], unique=False)
    op.create_index(
        op.f("ix_chat_messages_bot_id_telegram_id_id"),
        "chat_messages",
        ["bot_id", "telegram_id", "id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("chat_messages")
    op.drop_table("conversations")
    op.drop_table("people_changes")
    op.drop_table("segments")
    op.drop_column("bots", "keeps_messages")
