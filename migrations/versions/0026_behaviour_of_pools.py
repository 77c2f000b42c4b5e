"""a behaviour that a pool owns, and the bots that follow it

Revision: 0026
Follows: 0025
"""

from alembic import op
import sqlalchemy as sa


revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.add_column('redirect_pools', sa.Column('behaviour', sa.JSON(none_as_null=True), nullable=True))
    op.add_column('redirect_pools', sa.Column('behaviour_version', ID, nullable=False, server_default='0'))
    given = numbers_given()
    with op.batch_alter_table('bots', table_kwargs={'sqlite_autoincrement': True}) as table:
        table.add_column(sa.Column('follows_pool_id', ID, nullable=True))
        table.add_column(sa.Column('follows_version', ID, nullable=False, server_default='0'))
        table.create_foreign_key(
            op.f('fk_bots_follows_pool_id'), 'redirect_pools', ['follows_pool_id'], ['id'], ondelete='SET NULL'
        )
        table.create_index(op.f('ix_bots_follows_pool_id'), ['follows_pool_id'])
    remember(given)


def downgrade() -> None:
    given = numbers_given()
    with op.batch_alter_table('bots', table_kwargs={'sqlite_autoincrement': True}) as table:
        table.drop_index(op.f('ix_bots_follows_pool_id'))
        table.drop_constraint(op.f('fk_bots_follows_pool_id'), type_='foreignkey')
        table.drop_column('follows_version')
        table.drop_column('follows_pool_id')
    remember(given)
    op.drop_column('redirect_pools', 'behaviour_version')
    op.drop_column('redirect_pools', 'behaviour')


def numbers_given() -> int:
    """The highest id that a bot has ever had: SQLite makes the table anew, and would forget those of deleted bots."""
    if op.get_bind().dialect.name != 'sqlite':
        return 0
    return op.get_bind().scalar(sa.text("SELECT max(seq) FROM sqlite_sequence WHERE name = 'bots'")) or 0


def remember(given: int) -> None:
    """Have the next bot's id be above `given`."""
    if given:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'bots'")
        op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('bots', {given})")
