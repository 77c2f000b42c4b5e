"""second factors

Revision: 0028
Follows: 0026
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0028'
down_revision = '0026'
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('second_factors',
    sa.Column('account_id', ID, nullable=False),
    sa.Column('sealed_secret', sa.Text(), nullable=False),
    sa.Column('last_step', ID, nullable=False),
    sa.Column('enabled_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_second_factors_account_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_second_factors'))
    )
    op.create_table('recovery_codes',
    sa.Column('account_id', ID, nullable=False),
    sa.Column('code_hash', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_recovery_codes_account_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', 'code_hash', name=op.f('pk_recovery_codes'))
    )


def downgrade() -> None:
    op.drop_table('recovery_codes')
    op.drop_table('second_factors')
