"""No error disappears: whoever catches everything does something with it, and only at a process's outermost loop."""

from __future__ import annotations

import ast

from tests.architecture.source import product

EVERYTHING = {"Exception", "BaseException"}


def test_nobody_catches_everything_and_goes_on_silently() -> None:
    silent = [
        f"{source.name}:{handler.lineno}"
        for source in product()
        for handler in source.nodes
        if isinstance(handler, ast.ExceptHandler) and _catches_everything(handler) and _does_nothing(handler)
    ]
    assert silent == []


def test_nobody_suppresses_everything() -> None:
    calls = [
        f"{source.name}:{node.lineno}"
        for source in product()
        for node in source.nodes
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("suppress")
        and any(ast.unparse(argument) in EVERYTHING for argument in node.args)
    ]
    assert calls == []


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(ast.unparse(kind) in EVERYTHING for kind in kinds)


def _does_nothing(handler: ast.ExceptHandler) -> bool:
    return all(
        isinstance(line, ast.Pass | ast.Continue)
        or (isinstance(line, ast.Return) and (line.value is None or isinstance(line.value, ast.Constant)))
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        for line in handler.body
    )
