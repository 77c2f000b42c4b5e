"""tags of bots; campaigns and ads in the rollups

Revision: 0019
Follows: 0016
"""

from alembic import op
import sqlalchemy as sa


revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('bots', sa.Column('tags', sa.JSON(), nullable=False, server_default='[]'))
    # A campaign's and an ad's value is a path: source/campaign/ad.
    with op.batch_alter_table('click_breakdowns') as table:
        table.alter_column('value', type_=sa.String(600), existing_type=sa.String(80), existing_nullable=False)


def downgrade() -> None:
    op.execute("DELETE FROM click_breakdowns WHERE dimension IN ('campaign', 'ad')")
    with op.batch_alter_table('click_breakdowns') as table:
        table.alter_column('value', type_=sa.String(80), existing_type=sa.String(600), existing_nullable=False)
    op.drop_column('bots', 'tags')
