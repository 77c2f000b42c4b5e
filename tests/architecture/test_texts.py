"""What people read is a template with values, so that it can be translated: never a sentence finished in the code."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator, Set
from functools import cache

import pytest
from babel.messages.frontend import parse_mapping_cfg

from tests.architecture.source import ROOT, Source, product

# The command line speaks English to whoever runs the installation.
FOR_OPERATORS = {"launch", "commands", "benchmarks", "chaos", "sandbox"}
THE_PLACE = {"services.core.i18n", "services.core.errors"}


def readable() -> list[Source]:
    return [one for one in product() if one.package not in FOR_OPERATORS and one.name not in THE_PLACE]


@cache
def error_classes() -> frozenset[str]:
    """Names of FlotillaError and of everything below it, wherever it is defined."""
    found = {"FlotillaError"}
    homes = [one for one in product() if one.package not in FOR_OPERATORS]
    classes = [node for one in homes for node in one.nodes if isinstance(node, ast.ClassDef)]
    while new := {one.name for one in classes if found & {_name(base) for base in one.bases}} - found:
        found |= new
    return frozenset(found)


def calls(source: Source, names: Set[str]) -> Iterator[ast.Call]:
    for node in source.nodes:
        if isinstance(node, ast.Call) and _name(node.func) in names:
            yield node


def finished(source: Source) -> Iterator[str]:
    """Errors and texts whose first argument is made on the spot, or comes from nobody knows where."""
    known = _texts_by_name(source)
    for call in calls(source, error_classes()):
        if not call.args or not _is_text(call.args[0], known):
            yield f"{source.name}:{call.lineno}: {ast.unparse(call)}"
    entries = {
        _name(target)
        for node in source.nodes
        if isinstance(node, ast.Assign) and _is_of_a_table(node.value)
        for target in node.targets
    }
    for call in calls(source, {"Text"}):
        template = call.args[0]
        if not (isinstance(template, ast.Constant) or _is_of_a_table(template) or _name(template) in entries):
            yield f"{source.name}:{call.lineno}: {ast.unparse(call)}"


def unfilled(source: Source) -> Iterator[str]:
    """Texts whose values are not those that the template names."""
    for call in calls(source, {"Text"}):
        template = call.args[0]
        if isinstance(template, ast.Constant):
            given = {str(keyword.arg) for keyword in call.keywords}
            if given != {name for _, name, _, _ in string.Formatter().parse(str(template.value)) if name}:
                yield f"{source.name}:{call.lineno}: {ast.unparse(call)}"


def test_no_error_and_no_text_is_a_sentence_finished_in_the_code() -> None:
    assert [found for source in readable() for found in finished(source)] == []


def test_every_text_has_the_values_that_its_template_names() -> None:
    assert [found for source in readable() for found in unfilled(source)] == []


def test_the_catalogue_is_made_from_every_error() -> None:
    with (ROOT / "babel.cfg").open() as file:
        _methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    never_raised = {"FlotillaError"}
    assert "ServerFailed" in error_classes(), "also those far below"
    assert error_classes() - never_raised <= set(options["**.py"]["keywords"])


@pytest.mark.parametrize(
    "code",
    [
        'raise InvalidInput(f"At most {MOST} rules")',
        'raise InvalidInput("At most " + str(MOST))',
        'raise InvalidInput("At most {}".format(MOST))',
        "raise InvalidInput(str(error))",
        "raise InvalidInput(reason)",
        "raise InvalidInput()",
        'raise InvalidInput("Too few" if few else "Too many")',  # extraction would make one sentence of both
        'Text("Too few" if few else "Too many")',
        'raise InvalidInput(Text(f"At most {MOST} rules"))',
        'why = Text("At most " + most)',
        "def refuse(reason: str):\n    raise InvalidInput(reason)",
    ],
)
def test_a_finished_sentence_is_found(code: str) -> None:
    assert list(finished(_source(code)))


@pytest.mark.parametrize(
    "code",
    [
        'raise InvalidInput("There is no such field", field=name)',
        'raise InvalidInput(Text("At most {most} rules", most=MOST))',
        "raise InvalidInput(error.text)",
        "raise TelegramError(Text.verbatim(description))",
        "raise NotFound(MISSING[kind])",
        'LATE = Text("Too late")\nraise InvalidInput(LATE if late else no_bot_api(Text("Too long")))',
        "def refuse(reason: Text):\n    raise InvalidInput(reason)",
        "def why(status: int) -> Text: ...\nraise InvalidInput(why(status))",
    ],
)
def test_a_template_is_let_through(code: str) -> None:
    assert list(finished(_source(code))) == []


@pytest.mark.parametrize(
    "code", ['Text("At most {most}")', 'Text("At most {most}", least=1)', 'Text("At most", most=1)']
)
def test_a_value_too_few_or_too_many_is_found(code: str) -> None:
    assert list(unfilled(_source(code)))


def _source(code: str) -> Source:
    return Source("example", ROOT / "example.py", code, ast.parse(code))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _texts_by_name(source: Source) -> set[str]:
    """What this file knows to be a Text: parameters and functions declared so, imports of such, and names given one."""
    known = {"no_bot_api", "reason_of"}
    for node in source.nodes:
        if isinstance(node, ast.arg) and node.annotation is not None and _name(node.annotation) == "Text":
            known.add(node.arg)
        elif isinstance(node, ast.FunctionDef) and node.returns is not None and _name(node.returns) == "Text":
            known.add(node.name)
    for node in source.nodes:
        if isinstance(node, ast.Assign) and _is_text(node.value, known):
            known |= {_name(target) for target in node.targets}
        elif isinstance(node, ast.AnnAssign) and node.value is not None and _is_text(node.value, known):
            known.add(_name(node.target))
    return known


def _is_text(node: ast.expr, known: set[str]) -> bool:
    if isinstance(node, ast.IfExp):
        return all(
            _is_text(part, known) and not isinstance(part, ast.Constant) for part in (node.body, node.orelse)
        )
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in {"Text", "Text.verbatim"} or _name(node.func) in known
    if isinstance(node, ast.Attribute):
        return node.attr == "text"
    return isinstance(node, ast.Constant) or _is_of_a_table(node) or _name(node) in known


def _is_of_a_table(node: ast.expr) -> bool:
    """An entry of a table in capitals, whose templates are marked where they stand."""
    if isinstance(node, ast.IfExp):
        return _is_of_a_table(node.body) and _is_of_a_table(node.orelse)
    return isinstance(node, ast.Subscript) and _name(node.value).isupper()
