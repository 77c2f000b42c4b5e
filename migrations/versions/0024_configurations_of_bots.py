"""what a bot's configuration says beside its plugins, and the file it is declared in

Revision: 0024
Follows: 0023
"""

from alembic import op
import sqlalchemy as sa


revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
COLUMNS = (
    sa.Column('description', sa.String(512), nullable=False, server_default=''),
    sa.Column('webhook_path', sa.String(64), nullable=False, server_default=''),
    sa.Column('max_connections', NUMBER, nullable=False, server_default='40'),
    sa.Column('parse_mode', sa.String(10), nullable=False, server_default='HTML'),
    sa.Column('disable_web_page_preview', sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column('limits_people', sa.Boolean(), nullable=False, server_default=sa.true()),
    sa.Column('rate_per_minute', sa.Double(), nullable=True),
    sa.Column('rate_burst', NUMBER, nullable=True),
    sa.Column('alias', sa.String(64), nullable=True),
    sa.Column('declared_in', sa.String(255), nullable=False, server_default=''),
    sa.Column('declared_hash', sa.String(64), nullable=False, server_default=''),
)


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column('bots', column)
    # An index, not a constraint: for that SQLite would make the table anew, and forget the numbers it has given.
    op.create_index('ix_bots_alias', 'bots', ['alias'], unique=True)


def downgrade() -> None:
    op.drop_index('ix_bots_alias', 'bots')
    for column in reversed(COLUMNS):
        op.drop_column('bots', column.name)
