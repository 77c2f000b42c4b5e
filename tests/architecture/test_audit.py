"""Every kind of event that the code writes has words for people, and no words stand for what nobody writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from services.reporting.event_texts import EVENT_TEXTS, KIND_TEXTS, MEMBER_STATE
from tests.architecture.source import Source, product

Function = ast.FunctionDef | ast.AsyncFunctionDef
PLACE = 2  # of `kind` among the arguments of `audit`


def written(source: Source) -> Iterator[str]:
    """The kinds that a module writes, through its own functions too; "?…" for one that cannot be read."""
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        if _name(node.func) == "AuditEvent" and not _is_the_place(source, node):
            yield from _kinds(source, node, _given(node, "kind", -1))
        elif _name(node.func) == "audit":
            yield from _kinds(source, node, _given(node, "kind", PLACE))


def _kinds(source: Source, at: ast.AST, value: ast.expr | None) -> Iterator[str]:
    if isinstance(value, ast.Constant):
        yield str(value.value)
    elif isinstance(value, ast.IfExp):
        yield from _kinds(source, at, value.body)
        yield from _kinds(source, at, value.orelse)
    elif isinstance(value, ast.Name) and value.id.isupper() and value.id in _constants():
        yield _constants()[value.id]
    elif isinstance(value, ast.Name) and (values := list(_values(source, at, value.id))):
        for one in values:
            yield from _kinds(source, one, one)
    else:
        yield f"?{source.name}:{getattr(at, 'lineno', 0)}"


def _values(source: Source, at: ast.AST, name: str) -> Iterator[ast.expr]:
    """What a name stands for: assigned around it, given by those who call the function around it, or imported."""
    inside = _function_around(source, at)
    for node in ast.walk(inside or source.tree):
        if isinstance(node, ast.Assign) and any(_name(target) == name for target in node.targets):
            yield node.value
    if inside is None:
        return
    names = [each.arg for each in inside.args.args]
    if name in [*names, *(each.arg for each in inside.args.kwonlyargs)]:
        place = names.index(name) if name in names else -1
        for node in source.nodes:
            if isinstance(node, ast.Call) and _name(node.func) == inside.name:
                given = _given(node, name, place)
                if given is not None:
                    yield given


def _is_the_place(source: Source, at: ast.AST) -> bool:
    """Whether this is `audit` itself, which writes what it is given."""
    inside = _function_around(source, at)
    return inside is not None and inside.name == "audit"


@cache
def _constants() -> dict[str, str]:
    """Texts that have a name in capitals somewhere in the product."""
    return {
        _name(target): node.value.value
        for source in product()
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(node.value.value, str) and _name(target).isupper()
    }


def _given(call: ast.Call, name: str, place: int) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[place] if 0 <= place < len(call.args) else None


def _function_around(source: Source, at: ast.AST) -> Function | None:
    around = [
        node
        for node in source.nodes
        if isinstance(node, Function) and any(each is at for each in ast.walk(node))
    ]
    return around[-1] if around else None


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def test_every_kind_that_is_written_has_words_and_every_kind_with_words_is_written() -> None:
    kinds = {kind for source in product() if source.package != "tools" for kind in written(source)}
    assert kinds == EVENT_TEXTS.keys() - {MEMBER_STATE}
    assert KIND_TEXTS.keys() <= EVENT_TEXTS.keys()
