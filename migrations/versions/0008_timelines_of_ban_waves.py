"""timelines of ban waves

Revision: 0008
Follows: 0007
"""

from datetime import timedelta

from alembic import op
import sqlalchemy as sa
import models


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None
ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
LOST = ('offline', 'banned')


def upgrade() -> None:
    waves = op.create_table('ban_waves',
    sa.Column('id', ID, nullable=False),
    sa.Column('account_id', ID, nullable=False),
    sa.Column('pool_id', ID, nullable=False),
    sa.Column('began_at', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('reverted_at', models.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_ban_waves_account_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['pool_id'], ['redirect_pools.id'], name=op.f('fk_ban_waves_pool_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ban_waves'))
    )
    op.create_index(op.f('ix_ban_waves_account_id'), 'ban_waves', ['account_id'])
    op.create_index(op.f('ix_ban_waves_pool_id_id'), 'ban_waves', ['pool_id', 'id'])
    moves = op.create_table('ban_wave_moves',
    sa.Column('id', ID, nullable=False),
    sa.Column('wave_id', ID, nullable=False),
    sa.Column('at', models.UtcDateTime(timezone=True), nullable=False),
    sa.Column('step', sa.String(length=10), nullable=False),
    sa.Column('bot_id', ID, nullable=False),
    sa.Column('username', sa.String(length=32), nullable=False),
    sa.Column('cause', sa.String(length=50), nullable=False),
    sa.CheckConstraint("step IN ('lost', 'banned', 'back', 'promoted')", name=op.f('ck_ban_wave_moves_step_known')),
    sa.ForeignKeyConstraint(['wave_id'], ['ban_waves.id'], name=op.f('fk_ban_wave_moves_wave_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ban_wave_moves'))
    )
    op.create_index(op.f('ix_ban_wave_moves_wave_id'), 'ban_wave_moves', ['wave_id'])
    _keep_standing(op.get_bind(), waves, moves)


def downgrade() -> None:
    op.drop_table('ban_wave_moves')
    op.drop_table('ban_waves')


def _keep_standing(connection: sa.Connection, waves: sa.Table, moves: sa.Table) -> None:
    """Waves that stand now get their page too, from what the transitions say."""
    pools, members, bots, changes = _former()
    standing = sa.select(pools.c.account_id, pools.c.id, pools.c.wave_at).where(pools.c.wave_at.is_not(None))
    for account_id, pool_id, began in connection.execute(standing).all():
        connection.execute(waves.insert().values(account_id=account_id, pool_id=pool_id, began_at=began))
        wave_id = connection.scalar(sa.select(waves.c.id).where(waves.c.pool_id == pool_id))
        named = sa.select(bots.c.id, bots.c.username).join(members, members.c.bot_id == bots.c.id)
        lost = (
            named.add_columns(changes.c.at, changes.c.cause)
            .join(changes, changes.c.pool_bot_id == members.c.id)
            .where(
                members.c.pool_id == pool_id,
                changes.c.at > began - timedelta(minutes=10),
                changes.c.from_status.not_in(LOST),
                changes.c.to_status.in_(LOST),
            )
            .order_by(changes.c.at)
        )
        promoted = named.add_columns(members.c.promoted_at).where(
            members.c.pool_id == pool_id, members.c.promoted_at.is_not(None)
        )
        rows = [
            *(_move(wave_id, 'lost', *row) for row in connection.execute(lost)),
            *(_move(wave_id, 'promoted', *row) for row in connection.execute(promoted)),
        ]
        if rows:
            connection.execute(moves.insert(), rows)


def _former() -> tuple[sa.TableClause, ...]:
    """The tables as this migration finds them."""
    moment = models.UtcDateTime(timezone=True)
    return (
        sa.table('redirect_pools', sa.column('account_id'), sa.column('id'), sa.column('wave_at', moment)),
        sa.table('pool_bots', sa.column('id'), sa.column('pool_id'), sa.column('bot_id'),
                 sa.column('promoted_at', moment)),
        sa.table('bots', sa.column('id'), sa.column('username')),
        sa.table('pool_bot_transitions', sa.column('pool_bot_id'), sa.column('from_status'),
                 sa.column('to_status'), sa.column('cause'), sa.column('at', moment)),
    )


def _move(wave_id, step, bot_id, username, at, cause=''):
    return {'wave_id': wave_id, 'at': at, 'step': step, 'bot_id': bot_id, 'username': username, 'cause': cause}
