"""files that people send to bots

Revision: 0025
Follows: 0024
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('stored_files',
    sa.Column('id', ID, nullable=False),
    sa.Column('account_id', ID, nullable=False),
    sa.Column('bot_id', ID, nullable=False),
    sa.Column('update_id', ID, nullable=False),
    sa.Column('telegram_id', ID, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('mime', sa.String(length=100), nullable=False),
    sa.Column('size', ID, nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('stored_name', sa.String(length=32), nullable=False),
    sa.Column('file_unique_id', sa.String(length=100), nullable=False),
    sa.Column('created_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('stored_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_stored_files_account_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['bot_id'], ['bots.id'], name=op.f('fk_stored_files_bot_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stored_files')),
    sa.UniqueConstraint('bot_id', 'update_id', 'file_unique_id', name=op.f('uq_stored_files_bot_id_update_id_file_unique_id')),
    sa.UniqueConstraint('stored_name', name=op.f('uq_stored_files_stored_name')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_stored_files_account_id'), 'stored_files', ['account_id'], unique=False)
    op.create_index(op.f('ix_stored_files_created_at'), 'stored_files', ['created_at'], unique=False)
    op.create_table('uploaded_files',
    sa.Column('file_id', ID, nullable=False),
    sa.Column('bot_id', ID, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('telegram_file_id', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['bot_id'], ['bots.id'], name=op.f('fk_uploaded_files_bot_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['file_id'], ['stored_files.id'], name=op.f('fk_uploaded_files_file_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('file_id', 'bot_id', 'kind', name=op.f('pk_uploaded_files'))
    )
    op.create_index(op.f('ix_uploaded_files_bot_id'), 'uploaded_files', ['bot_id'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_uploaded_files_bot_id'), table_name='uploaded_files')
    op.drop_table('uploaded_files')
    op.drop_index(op.f('ix_stored_files_created_at'), table_name='stored_files')
    op.drop_index(op.f('ix_stored_files_account_id'), table_name='stored_files')
    op.drop_table('stored_files')
