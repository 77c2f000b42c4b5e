"""Expand, then contract: what a migration does to the tables that code of former releases still uses.

Two schemas of a SQLite database are compared, so that it does not matter how a migration is written: by Alembic's operations, by a
table made anew, or in SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

COLUMNS = text(
    'SELECT m.name, p.name, p.type, p."notnull", p.dflt_value FROM sqlite_master m, pragma_table_info(m.name) p '
    "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'alembic_version'"
)
UNIQUE = text(
    "SELECT m.name, l.name, group_concat(i.name) FROM sqlite_master m, pragma_index_list(m.name) l, "
    "pragma_index_info(l.name) i WHERE m.type = 'table' AND l.\"unique\" GROUP BY m.name, l.name"
)
INDEXES = text("SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
TABLES = text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
TRIGGERS = text("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")
KEYS = text(
    'SELECT m.name, f."from", f."table" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = \'table\''
)
LENGTH = re.compile(r"\((\d+)\)")


@dataclass(frozen=True)
class Column:
    """What an INSERT of somebody who does not know it, or knows it as it was, depends on."""

    type: str
    required: bool
    has_default: bool

    @property
    def length(self) -> float:
        """How much goes in."""
        found = LENGTH.search(self.type)
        return float(found[1]) if found else float("inf")

    @property
    def family(self) -> str:
        """The type without its length; text of any length is one."""
        bare = self.type.partition("(")[0].strip()
        return "TEXT" if bare in {"VARCHAR", "TEXT"} else bare


@dataclass(frozen=True)
class Schema:
    """Tables with their columns, and what narrows them: (table, in words)."""

    tables: dict[str, dict[str, Column]] = field(default_factory=dict)
    rules: frozenset[tuple[str, str]] = frozenset()
    indexes: frozenset[tuple[str, str]] = frozenset()  # (table, name)


def schema_of(connection: Connection) -> Schema:
    """The schema as SQLite has it."""
    tables: dict[str, dict[str, Column]] = {}
    for table, name, kind, required, default in connection.execute(COLUMNS):
        tables.setdefault(table, {})[name] = Column(kind, bool(required), default is not None)
    rules = {(table, f"unique {columns}") for table, _, columns in connection.execute(UNIQUE)}
    rules |= {
        (table, f"foreign key {column} to {other}") for table, column, other in connection.execute(KEYS)
    }
    rules |= {(table, f"trigger {name}") for table, name in connection.execute(TRIGGERS)}
    for table, sql in connection.execute(TABLES):
        lines = (line.strip().rstrip(",") for line in str(sql).splitlines())
        rules |= {(table, line) for line in lines if " CHECK " in line}
    indexes = frozenset((table, name) for table, name in connection.execute(INDEXES))
    return Schema(tables, frozenset(rules), indexes)


def contractions(before: Schema, after: Schema) -> Iterator[str]:
    """What code that knows `before` can no longer do on `after`, each as `table.column: what`."""
    for table, columns in before.tables.items():
        if table not in after.tables:
            yield f"{table}: dropped or renamed"
            continue
        now = after.tables[table]
        for name, column in columns.items():
            yield from (f"{table}.{name}: {what}" for what in _narrowed(column, now.get(name)))
        for name in now.keys() - columns.keys():
            if now[name].required and not now[name].has_default:
                yield f"{table}.{name}: new, NOT NULL and without a server default"
    for table, rule in sorted(after.rules - before.rules):
        if table in before.tables and not _speaks_of_new(rule, before.tables[table], after.tables[table]):
            yield f"{table}: {rule}, which old code does not know"


def indexed(before: Schema, after: Schema) -> list[str]:
    """Tables that were there already and get an index: nobody writes to them on PostgreSQL while it is built."""
    return sorted({table for table, _ in after.indexes - before.indexes if table in before.tables})


def _narrowed(was: Column, now: Column | None) -> Iterator[str]:
    if now is None:
        yield "dropped or renamed"
        return
    if now.family != was.family:
        yield f"{was.type} became {now.type}"
    elif now.length < was.length:
        yield f"{was.type} was narrowed to {now.type}"
    if now.required and not was.required:
        yield "became NOT NULL"
    if was.has_default and not now.has_default and now.required:
        yield "lost its server default"


def _speaks_of_new(rule: str, before: dict[str, Column], after: dict[str, Column]) -> bool:
    """Whether it is about a column that old code leaves at its default."""
    words = set(re.findall(r"\w+", rule))
    return bool(words & (after.keys() - before.keys()))
