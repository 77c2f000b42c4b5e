"""replays of dead letters

Revision: 0006
Follows: 0005
"""

from alembic import op
import sqlalchemy as sa


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain columns with a default in the database: the code of the former release goes on inserting without them.
    op.add_column('dead_letters', sa.Column('timeline', sa.JSON(), nullable=False, server_default='[]'))
    op.add_column('dead_letters', sa.Column('sealed_payload', sa.Text(), nullable=False, server_default=''))
    op.add_column('dead_letters', sa.Column('is_uncertain', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('dead_letters', sa.Column('state', sa.String(length=10), nullable=False, server_default='open'))
    op.add_column('dead_letters', sa.Column(
        'replays', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, server_default='0'))
    op.add_column('dead_letters', sa.Column('replay_entry', sa.String(length=120), nullable=False, server_default=''))
    op.execute("UPDATE dead_letters SET state = 'resolved' WHERE resolved_at IS NOT NULL")
    op.create_index(op.f('ix_dead_letters_state_account_id'), 'dead_letters', ['state', 'account_id'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_dead_letters_state_account_id'), table_name='dead_letters')
    for column in ('replay_entry', 'replays', 'state', 'is_uncertain', 'sealed_payload', 'timeline'):
        op.drop_column('dead_letters', column)
