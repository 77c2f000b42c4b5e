"""incidents, bots that stand in, causes of a bot's trouble

Revision: 0018
Follows: 0016
"""

from alembic import op
import sqlalchemy as sa


revision = '0018'
down_revision = '0016'
branch_labels = None
depends_on = None
DESTINATIONS = 'notification_destinations'
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.add_column('bots', sa.Column('status_cause', sa.String(50), nullable=False, server_default=''))
    op.add_column('notifications', sa.Column('incident', ID, nullable=True))
    op.create_index(op.f('ix_notifications_incident'), 'notifications', ['incident'])
    notifications = sa.table('notifications', sa.column('id', ID), sa.column('incident', ID))
    op.execute(sa.update(notifications).values(incident=notifications.c.id))  # each its own, as they were told
    op.add_column('notification_deliveries', sa.Column('sent_as', sa.String(80), nullable=False, server_default=''))
    deliveries = sa.table('notification_deliveries', sa.column('notification_id', ID), sa.column('group_id', ID))
    op.execute(sa.update(deliveries).where(deliveries.c.group_id != 0).values(group_id=deliveries.c.notification_id))
    _change_destinations()


def _change_destinations() -> None:
    """On SQLite the table is made anew for the reference; which numbers it has given is carried over."""
    connection, sqlite = op.get_bind(), op.get_bind().dialect.name == 'sqlite'
    given = connection.scalar(sa.text(f"SELECT seq FROM sqlite_sequence WHERE name = '{DESTINATIONS}'")) if sqlite else None
    with op.batch_alter_table(DESTINATIONS, table_kwargs={'sqlite_autoincrement': True}) as table:
        table.add_column(sa.Column('reserve_bot_id', ID, nullable=True))
        table.add_column(sa.Column('reserve_linked', sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column('reserve_link_hash', sa.String(64), nullable=True))
        table.create_foreign_key(op.f(f'fk_{DESTINATIONS}_reserve_bot_id'), 'bots', ['reserve_bot_id'], ['id'], ondelete='SET NULL')
        table.create_index(op.f(f'ix_{DESTINATIONS}_reserve_bot_id'), ['reserve_bot_id'])
        table.create_index(op.f(f'ix_{DESTINATIONS}_reserve_link_hash'), ['reserve_link_hash'], unique=True)
    if given is not None:
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), {'name': DESTINATIONS})
        connection.execute(sa.text("INSERT INTO sqlite_sequence VALUES (:name, :given)"), {'name': DESTINATIONS, 'given': given})


def downgrade() -> None:
    for column in ('reserve_link_hash', 'reserve_bot_id'):
        op.drop_index(op.f(f'ix_{DESTINATIONS}_{column}'), DESTINATIONS)
    with op.batch_alter_table(DESTINATIONS, table_kwargs={'sqlite_autoincrement': True}) as table:
        for column in ('reserve_link_hash', 'reserve_linked', 'reserve_bot_id'):
            table.drop_column(column)
    op.drop_column('notification_deliveries', 'sent_as')
    op.drop_index(op.f('ix_notifications_incident'), 'notifications')
    op.drop_column('notifications', 'incident')
    op.drop_column('bots', 'status_cause')
