"""access to bots: lists, maintenance, captcha

Revision: 0023
Follows: 0021
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0023'
down_revision = '0021'
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('bot_access',
    sa.Column('id', ID, nullable=False),
    sa.Column('bot_id', ID, nullable=False),
    sa.Column('list', sa.String(length=7), nullable=False),
    sa.Column('telegram_id', ID, nullable=False),
    sa.Column('until', models.UtcDateTime(timezone=True), nullable=True),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.Column('created_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("list IN ('allowed', 'blocked', 'admin')", name=op.f('ck_bot_access_list_known')),
    sa.ForeignKeyConstraint(['bot_id'], ['bots.id'], name=op.f('fk_bot_access_bot_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bot_access')),
    sa.UniqueConstraint('bot_id', 'list', 'telegram_id', name=op.f('uq_bot_access_bot_id_list_telegram_id')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_bot_access_bot_id'), 'bot_access', ['bot_id'], unique=False)
    op.add_column('bots', sa.Column('maintenance', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('bots', sa.Column('maintenance_message', sa.String(length=1000), nullable=False, server_default=''))
    op.add_column('bots', sa.Column('captcha', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('leads', sa.Column('captcha_passed_at', models.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('leads', 'captcha_passed_at')
    op.drop_column('bots', 'captcha')
    op.drop_column('bots', 'maintenance_message')
    op.drop_column('bots', 'maintenance')
    op.drop_index(op.f('ix_bot_access_bot_id'), table_name='bot_access')
    op.drop_table('bot_access')
