"""destinations of notifications

Revision: 0004
Follows: 0003
"""

from alembic import op
import sqlalchemy as sa
import models


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('notification_destinations',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('address', sa.String(length=254), nullable=False),
    sa.Column('bot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('sealed_config', sa.Text(), nullable=False),
    sa.Column('link_hash', sa.String(length=64), nullable=True),
    sa.Column('link_expires_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.Column('is_enabled', sa.Boolean(), nullable=False),
    sa.Column('quiet_from', sa.String(length=5), nullable=False),
    sa.Column('quiet_until', sa.String(length=5), nullable=False),
    sa.Column('time_zone', sa.String(length=64), nullable=False),
    sa.Column('critical_passes', sa.Boolean(), nullable=False),
    sa.Column('last_sent_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.String(length=300), nullable=False),
    sa.Column('last_error_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.Column('is_refused', sa.Boolean(), nullable=False),
    sa.Column('created_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('telegram', 'email', 'webhook')", name=op.f('ck_notification_destinations_kind_known')),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_notification_destinations_account_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['bot_id'], ['bots.id'], name=op.f('fk_notification_destinations_bot_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notification_destinations')),
    sa.UniqueConstraint('link_hash', name=op.f('uq_notification_destinations_link_hash'))
    )
    with op.batch_alter_table('notification_destinations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notification_destinations_account_id'), ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_notification_destinations_bot_id'), ['bot_id'], unique=False)

    op.create_table('notification_deliveries',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('notification_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('destination_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('alarm_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('group_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('message', sa.String(length=32), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('hold', sa.String(length=10), nullable=False),
    sa.Column('attempts', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('next_attempt_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('last_error', sa.String(length=300), nullable=False),
    sa.Column('created_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('sent_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("status IN ('pending', 'sent', 'failed', 'skipped')", name=op.f('ck_notification_deliveries_status_known')),
    sa.ForeignKeyConstraint(['alarm_id'], ['notification_deliveries.id'], name=op.f('fk_notification_deliveries_alarm_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['destination_id'], ['notification_destinations.id'], name=op.f('fk_notification_deliveries_destination_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['notification_id'], ['notifications.id'], name=op.f('fk_notification_deliveries_notification_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notification_deliveries')),
    sa.UniqueConstraint('notification_id', 'destination_id', name=op.f('uq_notification_deliveries_notification_id_destination_id'))
    )
    with op.batch_alter_table('notification_deliveries', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notification_deliveries_alarm_id'), ['alarm_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_notification_deliveries_destination_id_id'), ['destination_id', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_notification_deliveries_message'), ['message'], unique=False)
        batch_op.create_index(batch_op.f('ix_notification_deliveries_status_next_attempt_at'), ['status', 'next_attempt_at'], unique=False)

    op.create_table('notification_rules',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('destination_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=50), nullable=True),
    sa.Column('min_level', sa.String(length=10), nullable=True),
    sa.Column('pool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['destination_id'], ['notification_destinations.id'], name=op.f('fk_notification_rules_destination_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['pool_id'], ['redirect_pools.id'], name=op.f('fk_notification_rules_pool_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notification_rules'))
    )
    with op.batch_alter_table('notification_rules', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notification_rules_destination_id'), ['destination_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_notification_rules_pool_id'), ['pool_id'], unique=False)

    with op.batch_alter_table('notifications', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notifications_kind_account_id'), ['kind', 'account_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('notifications', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_notifications_kind_account_id'))

    with op.batch_alter_table('notification_rules', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_notification_rules_pool_id'))
        batch_op.drop_index(batch_op.f('ix_notification_rules_destination_id'))

    op.drop_table('notification_rules')
    with op.batch_alter_table('notification_deliveries', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_notification_deliveries_status_next_attempt_at'))
        batch_op.drop_index(batch_op.f('ix_notification_deliveries_message'))
        batch_op.drop_index(batch_op.f('ix_notification_deliveries_destination_id_id'))
        batch_op.drop_index(batch_op.f('ix_notification_deliveries_alarm_id'))

    op.drop_table('notification_deliveries')
    with op.batch_alter_table('notification_destinations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_notification_destinations_bot_id'))
        batch_op.drop_index(batch_op.f('ix_notification_destinations_account_id'))

    op.drop_table('notification_destinations')
