"""layers of health

Revision: 0003
Follows: 0002
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('conversion_hours',
    sa.Column('pool_bot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('hour', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('clicks', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('starts', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lags', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['pool_bot_id'], ['pool_bots.id'], name=op.f('fk_conversion_hours_pool_bot_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('pool_bot_id', 'hour', name=op.f('pk_conversion_hours'))
    )
    op.create_table('conversions',
    sa.Column('pool_bot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('judged_until', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('run', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('score', sa.Double(), nullable=False),
    sa.Column('verdict', sa.String(length=10), nullable=False),
    sa.Column('verdict_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.Column('hold_seconds', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('trial', sa.Double(), nullable=True),
    sa.Column('trickle', sa.Double(), nullable=False),
    sa.Column('clicks', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('starts', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('busiest_hour', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lag_seconds', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('learned_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['pool_bot_id'], ['pool_bots.id'], name=op.f('fk_conversions_pool_bot_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('pool_bot_id', name=op.f('pk_conversions'))
    )
    # Plain columns with a default in the database: the code of the former release goes on inserting without them.
    op.add_column('bots', sa.Column('delivery_state', sa.String(length=10), nullable=False, server_default='unknown'))
    op.add_column('bots', sa.Column('delivery_cause', sa.String(length=50), nullable=False, server_default=''))
    op.add_column('bots', sa.Column('delivery_checked_at', models.UtcDateTime(timezone=True), nullable=True))
    op.add_column('bots', sa.Column('webhook_info', sa.JSON(), nullable=False, server_default='{}'))
    op.add_column('pool_bots', sa.Column('promoted_at', models.UtcDateTime(timezone=True), nullable=True))
    op.add_column('redirect_pools', sa.Column('wave_at', models.UtcDateTime(timezone=True), nullable=True))
    op.add_column('redirect_pools', sa.Column('conversion_alarm_at', models.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('redirect_pools', 'conversion_alarm_at')
    op.drop_column('redirect_pools', 'wave_at')
    op.drop_column('pool_bots', 'promoted_at')
    op.drop_column('bots', 'webhook_info')
    op.drop_column('bots', 'delivery_checked_at')
    op.drop_column('bots', 'delivery_cause')
    op.drop_column('bots', 'delivery_state')
    op.drop_table('conversions')
    op.drop_table('conversion_hours')
