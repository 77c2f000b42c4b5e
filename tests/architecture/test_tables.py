"""The tables: indexed where they are joined; that the migrations make them is tested in tests/commands/test_database.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, PrimaryKeyConstraint, Table, UniqueConstraint, text

import models
from models import Base
from services.platform.platform import Platform
from services.platform.schema import MIGRATIONS, newest

UNIQUE = (PrimaryKeyConstraint, UniqueConstraint)  # both databases index these by themselves


@pytest.mark.parametrize("table", Base.metadata.tables.values(), ids=lambda table: str(table.name))
def test_every_foreign_key_leads_an_index(table: Table) -> None:
    leading = set(_leading_columns(table))
    assert [key.parent.name for key in table.foreign_keys if key.parent.name not in leading] == []


def test_every_table_that_sqlite_numbers_gives_each_number_once(platform: Platform) -> None:
    with platform.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        once = {str(name) for name, words in rows if "AUTOINCREMENT" in str(words)}
    assert once == {table.name for table in Base.metadata.tables.values() if _is_numbered(table)}


def test_the_migrations_have_one_head_and_it_is_the_one_the_web_process_expects() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [newest()]


def test_the_contents_of_the_models_name_every_table_in_order() -> None:
    contents = (models.__doc__ or "").partition("each part below")[2]
    listed = [name for name in re.findall(r"[A-Z]\w+", contents) if hasattr(models, name)]
    assert listed == [name for name, kind in vars(models).items() if _is_table(kind)]


def _is_numbered(table: Table) -> bool:
    """Whether SQLite finds the number of a new row itself: the key is one INTEGER that nobody else decides."""
    first, *more = table.primary_key.columns
    return not more and not first.foreign_keys and isinstance(first.type, BigInteger)


def _is_table(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Base) and kind is not Base


def _leading_columns(table: Table) -> Iterator[str]:
    """Columns by which a row is found quickly: the first of an index, of a unique constraint or of the key."""
    for columns in (
        *(list(index.columns) for index in table.indexes),
        *(list(item.columns) for item in table.constraints if isinstance(item, UNIQUE)),
    ):
        if columns:
            yield columns[0].name
    yield from (column.name for column in table.columns if column.unique or column.index)
