"""experiments at work

Revision: 0010
Follows: 0009
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
CAUSES = ('link_pool_id', 'experiment_id', 'rule_id')


def upgrade() -> None:
    for cause in CAUSES:
        op.add_column('clicks', sa.Column(cause, ID, nullable=True))
    op.add_column('experiments', sa.Column('goal_tag', sa.String(length=50), nullable=False, server_default=''))
    op.add_column('experiments', sa.Column('started_at', models.UtcDateTime(timezone=True), nullable=True))
    op.create_index('uq_experiments_running', 'experiments', ['pool_id'], unique=True,
                    sqlite_where=sa.text('is_active'), postgresql_where=sa.text('is_active'))
    op.create_table('experiment_visitors',
    sa.Column('experiment_id', ID, autoincrement=False, nullable=False),
    sa.Column('visitor', sa.String(length=32), nullable=False),
    sa.Column('pool_id', ID, nullable=False),
    sa.Column('clicks', ID, nullable=False),
    sa.Column('first_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('lead_id', ID, nullable=True),
    sa.Column('started_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['experiment_id'], ['experiments.id'],
                            name=op.f('fk_experiment_visitors_experiment_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('experiment_id', 'visitor', name=op.f('pk_experiment_visitors'))
    )


def downgrade() -> None:
    op.drop_table('experiment_visitors')
    op.drop_index('uq_experiments_running', table_name='experiments')
    op.drop_column('experiments', 'started_at')
    op.drop_column('experiments', 'goal_tag')
    for cause in reversed(CAUSES):
        op.drop_column('clicks', cause)
