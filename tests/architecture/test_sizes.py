"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast

from tests.architecture.source import sources

MAX_FILE_LINES = 320
MAX_FUNCTION_LINES = 55
TABLES = "models"  # all tables in one file, by the ground plan; there each class is bounded instead


def test_no_file_is_long() -> None:
    lines = {source.name: source.text.count("\n") for source in sources() if source.name != TABLES}
    assert {name: count for name, count in lines.items() if count > MAX_FILE_LINES} == {}


def test_no_function_and_no_table_is_long() -> None:
    lines = {
        f"{source.name}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.ClassDef) and source.name == TABLES)
    }
    assert {name: count for name, count in lines.items() if count > MAX_FUNCTION_LINES} == {}
