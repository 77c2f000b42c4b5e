"""Each reason of a driver has its Portuguese twin that speaks of the same things."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

from services.alerts.notifications.destinations import reasons
from services.alerts.notifications.destinations.reasons import PT_BR

FOLDER = Path(reasons.__file__).parent


def sentences() -> set[str]:
    """First arguments of NotDelivered in the drivers, and what webhook's `_reason` returns."""
    nodes = [node for file in FOLDER.glob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    made = [
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "NotDelivered"
    ]
    told = [
        line.value
        for node in nodes
        if isinstance(node, ast.FunctionDef) and node.name == "_reason"
        for line in ast.walk(node)
        if isinstance(line, ast.Return)
    ]
    return {str(part.value) for part in made + told if isinstance(part, ast.Constant)}


def test_every_reason_is_translated_and_none_is_left_over() -> None:
    assert sentences() == set(PT_BR)


@pytest.mark.parametrize(("english", "portuguese"), PT_BR.items())
def test_twins_are_filled_with_the_same(english: str, portuguese: str) -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert fields(english) == fields(portuguese)
