"""Each SQL statement is compiled once for the run, not once for each test, whose engine is its own.

SQLAlchemy keeps what it compiled by the dialect it was compiled for, and those of one kind compile alike: the platform makes
them all with the same options.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

KEPT = 4000  # statements of a kind
_compiled: defaultdict[type, LRUCache[Any, Any]] = defaultdict(lambda: LRUCache(KEPT))


def compile_statements_once() -> None:
    """Have every engine made from now on share compiled statements with the others of its dialect."""
    Engine._compiled_cache = property(_shared, lambda _engine, _own: None)  # type: ignore[assignment]
    DefaultDialect.__eq__ = _is_of_one_kind  # type: ignore[method-assign, assignment]
    DefaultDialect.__hash__ = _kind  # type: ignore[method-assign, assignment]


def _shared(engine: Engine) -> LRUCache[Any, Any]:
    return _compiled[type(engine.dialect)]


def _is_of_one_kind(dialect: DefaultDialect, other: object) -> bool:
    return type(dialect) is type(other)


def _kind(dialect: DefaultDialect) -> int:
    return hash(type(dialect))
