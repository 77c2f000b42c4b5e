"""analytics and experiments

Revision: 0005
Follows: 0004
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('bound_starts',
    sa.Column('click_id', sa.String(length=16), nullable=False),
    sa.PrimaryKeyConstraint('click_id', name=op.f('pk_bound_starts'))
    )
    op.create_table('click_ledgers',
    sa.Column('life', sa.String(length=16), nullable=False),
    sa.Column('before', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('last_entry', sa.String(length=41), nullable=False),
    sa.Column('entries', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('rows', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('dropped', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('opened_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('life', name=op.f('pk_click_ledgers'))
    )
    op.create_table('daily_visitors',
    sa.Column('day', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('pool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('unique_hash', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('day', 'pool_id', 'unique_hash', name=op.f('pk_daily_visitors'))
    )
    op.create_table('check_durations',
    sa.Column('bot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('hour', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('le_ms', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('checks', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('total_ms', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('bot_id', 'hour', 'le_ms', name=op.f('pk_check_durations'))
    )
    op.create_table('click_breakdowns',
    sa.Column('pool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('dimension', sa.String(length=10), nullable=False),
    sa.Column('hour', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('value', sa.String(length=80), nullable=False),
    sa.Column('clicks', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('visitors', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('starts', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['pool_id'], ['redirect_pools.id'], name=op.f('fk_click_breakdowns_pool_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('pool_id', 'dimension', 'hour', 'value', name=op.f('pk_click_breakdowns'))
    )
    op.create_table('experiments',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('pool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('created_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('ended_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_experiments_account_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['pool_id'], ['redirect_pools.id'], name=op.f('fk_experiments_pool_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_experiments'))
    )
    op.create_index(op.f('ix_experiments_account_id'), 'experiments', ['account_id'], unique=False)
    op.create_index(op.f('ix_experiments_pool_id'), 'experiments', ['pool_id'], unique=False)
    op.create_table('pool_rules',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('pool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('position', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('conditions', sa.JSON(), nullable=False),
    sa.Column('target_pool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['pool_id'], ['redirect_pools.id'], name=op.f('fk_pool_rules_pool_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['target_pool_id'], ['redirect_pools.id'], name=op.f('fk_pool_rules_target_pool_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pool_rules'))
    )
    op.create_index(op.f('ix_pool_rules_pool_id_position'), 'pool_rules', ['pool_id', 'position'], unique=False)
    op.create_index(op.f('ix_pool_rules_target_pool_id'), 'pool_rules', ['target_pool_id'], unique=False)
    op.create_table('experiment_arms',
    sa.Column('experiment_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('pool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('percent', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.CheckConstraint('percent BETWEEN 0 AND 100', name=op.f('ck_experiment_arms_percent_range')),
    sa.ForeignKeyConstraint(['experiment_id'], ['experiments.id'], name=op.f('fk_experiment_arms_experiment_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['pool_id'], ['redirect_pools.id'], name=op.f('fk_experiment_arms_pool_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('experiment_id', 'pool_id', name=op.f('pk_experiment_arms'))
    )
    op.create_index(op.f('ix_experiment_arms_pool_id'), 'experiment_arms', ['pool_id'], unique=False)

    # With a default in the database: the code of the former release goes on inserting without these columns.
    op.add_column('click_rollups', sa.Column('visitors', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), server_default='0', nullable=False))
    op.add_column('click_rollups', sa.Column('starts', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), server_default='0', nullable=False))
    op.add_column('clicks', sa.Column('source', sa.String(length=80), server_default='', nullable=False))


def downgrade() -> None:
    op.drop_column('clicks', 'source')
    op.drop_column('click_rollups', 'starts')
    op.drop_column('click_rollups', 'visitors')
    op.drop_index(op.f('ix_experiment_arms_pool_id'), table_name='experiment_arms')
    op.drop_table('experiment_arms')
    op.drop_index(op.f('ix_pool_rules_target_pool_id'), table_name='pool_rules')
    op.drop_index(op.f('ix_pool_rules_pool_id_position'), table_name='pool_rules')
    op.drop_table('pool_rules')
    op.drop_index(op.f('ix_experiments_pool_id'), table_name='experiments')
    op.drop_index(op.f('ix_experiments_account_id'), table_name='experiments')
    op.drop_table('experiments')
    op.drop_table('click_breakdowns')
    op.drop_table('check_durations')
    op.drop_table('daily_visitors')
    op.drop_table('click_ledgers')
    op.drop_table('bound_starts')
