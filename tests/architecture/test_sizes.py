"""Files, classes and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast

from tests.architecture.source import product, sources

MAX_FILE_LINES = 320
MAX_FUNCTION_LINES = 55
MAX_CLASS_LINES = 150
LONG_CLASSES = {
    "services.core.settings.Settings": "every setting of the product once, a line or two each, in the order of the documentation",
    "plugins.context.Context": "all that a plugin's author works with, on one page; its methods are a few lines each",
}
TABLES = "models"  # all tables in one file, by the ground plan; there each class is bounded instead


def test_no_file_is_long() -> None:
    lines = {source.name: source.text.count("\n") for source in sources() if source.name != TABLES}
    assert {name: count for name, count in lines.items() if count > MAX_FILE_LINES} == {}


def test_no_function_and_no_table_is_long() -> None:
    lines = {
        f"{source.name}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for source in sources()
        for node in source.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.ClassDef) and source.name == TABLES)
    }
    assert {name: count for name, count in lines.items() if count > MAX_FUNCTION_LINES} == {}


def test_no_class_of_the_product_is_long_but_those_that_say_why() -> None:
    lines = {
        f"{source.name}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for source in product()
        if source.package != "tools"
        for node in source.nodes
        if isinstance(node, ast.ClassDef)
    }
    assert lines, "nothing was looked at"
    assert {name for name, count in lines.items() if count > MAX_CLASS_LINES} == LONG_CLASSES.keys()
