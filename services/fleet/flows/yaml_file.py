"""A flow as a YAML file: written so that reading gives back the same document, read with every mistake at its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from typing_extensions import TypedDict

from services.core.answer_types import Sentence
from services.core.errors import InvalidInput
from services.core.i18n import N_, Text
from services.fleet.declared.document_errors import node_at
from services.fleet.declared.problems import Wrong
from services.fleet.declared.yaml_source import Node, read_yaml
from services.fleet.declared.yaml_writer import as_yaml
from services.fleet.flows.checks.checking import check
from services.fleet.flows.checks.content import Known
from services.fleet.flows.checks.findings import Finding, Place
from services.fleet.flows.checks.shape import read
from services.fleet.flows.drafts import LARGEST_DOCUMENT, check_size

LARGEST_FILE: Final = (
    2 * LARGEST_DOCUMENT
)  # bytes: YAML takes more room for indentation than JSON for its signs
IN_WORDS: Final = {  # what the reader of bots' files says of a bot
    "yaml_documents": N_("One file holds one flow"),
    "file_empty": N_("The file says nothing; it begins with the key of the first step, such as start: hello"),
    "yaml_no_mapping": N_("A flow's file consists of lines such as start: hello"),
}


class LineView(TypedDict):
    """Something about a line of a file, counted from 1: a stable code, how bad it is, and what it is."""

    line: int
    code: str
    severity: str
    detail: Sentence


def written(document: Mapping[str, Any]) -> str:
    """The document as YAML."""
    return as_yaml(dict(document))


def parsed(text: str) -> dict[str, Any]:
    """The document that a file holds, whole as far as its fields go.

    Raises InvalidInput with the line of the first mistake: the code of the YAML reader, or of the field that is wrong.
    """
    try:
        node = _read(text)
    except Wrong as wrong:
        raise _refused(wrong.place.line, wrong.code, wrong.reason) from None
    document: dict[str, Any] = node.plain()
    check_size(document)
    found = read(document).findings
    if found:
        first = min(found, key=lambda each: _line(node, each.place))
        raise _refused(_line(node, first.place), first.code, _with_place(first))
    return document


def lines(text: str, known_of: Callable[[Mapping[str, Any]], Known]) -> list[LineView]:
    """Everything that is wrong with a file, or may be, in the order of its lines; `known_of` a document is what it may name."""
    try:
        node = _read(text)
    except Wrong as wrong:
        return [{"line": wrong.place.line, "code": wrong.code, "severity": "error", "detail": wrong.reason}]
    document: dict[str, Any] = node.plain()
    try:
        check_size(document)
    except InvalidInput as error:
        return [{"line": 1, "code": error.code, "severity": "error", "detail": error.text}]
    found: list[LineView] = [
        {
            "line": _line(node, each.place),
            "code": each.code,
            "severity": str(each.severity),
            "detail": _with_place(each),
        }
        for each in check(document, known_of(document))
    ]
    return sorted(found, key=lambda each: each["line"])


def _read(text: str) -> Node:
    try:
        return read_yaml(text.encode("utf-8", "surrogatepass"), LARGEST_FILE)
    except Wrong as wrong:
        if wrong.code in IN_WORDS:
            raise Wrong(wrong.place, wrong.code, Text(IN_WORDS[wrong.code])) from None
        raise


def _line(node: Node, place: Place) -> int:
    """The line of the deepest part of a place that the file has."""
    return node_at(node, place).place.line


def _with_place(found: Finding) -> Text:
    if not found.place:
        return found.text
    return Text("{where}: {reason}", where=".".join(map(str, found.place)), reason=found.text)


def _refused(line: int, code: str, reason: Text) -> InvalidInput:
    return InvalidInput(Text("Line {line}: {reason}", line=line, reason=reason), code=code, field="document")
