"""a bot may be given another identity at Telegram

Revision: 0030
Follows: 0029
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0030'
down_revision = '0029'
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.add_column('bots', sa.Column('identity', ID, nullable=False, server_default='1'))
    op.add_column('bots', sa.Column('identity_since', models.UtcDateTime(timezone=True), nullable=True))
    op.add_column('leads', sa.Column('identity', ID, nullable=False, server_default='1'))
    op.create_index(
        'ix_leads_acquaintances', 'leads', ['account_id', 'telegram_id', 'bot_id', 'state', 'identity'], unique=False
    )


def downgrade() -> None:
    op.drop_index('ix_leads_acquaintances', table_name='leads')
    op.drop_column('leads', 'identity')
    op.drop_column('bots', 'identity_since')
    op.drop_column('bots', 'identity')
