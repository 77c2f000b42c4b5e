"""Reading YAML so that nothing in it is guessed, and every key and value keeps its place.

Plain words mean what YAML 1.2 says. What YAML 1.1 reads in another way (`on`, `no`, `0123`, `1:30`) is refused, since
editors and people differ about it; so are anchors, aliases, merges, tags and a second document, which a bot's file does not need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isinf
from typing import Any, Final

import yaml

from services.core.i18n import Text
from services.fleet.declared.problems import START, Place, Wrong

LARGEST_FILE: Final = 256 * 1024  # bytes; the plugins of one bot have 64 KB of configuration each at most
DEEPEST: Final = 40  # menus in menus take sixteen levels
LONGEST_NUMBER: Final = 40  # digits
TRUTHS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
NOTHING: Final = ("", "~", "null", "Null", "NULL")
AMBIGUOUS: Final = frozenset(
    ["y", "n", "yes", "no", "on", "off"]
)  # in any case; truths for YAML 1.1, words for 1.2
WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
BROKEN: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)?\.?[0-9]+([eE][-+]?[0-9]+)?|[-+]?[0-9]+\.", re.ASCII)
OLD_NUMBER: Final = re.compile(
    r"[-+]?(0[0-9_]+|0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[0-9][0-9_]*_[0-9_.]*|[0-9]+(:[0-5]?[0-9])+(\.[0-9_]*)?)"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    re.ASCII,
)
UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")  # not by PostgreSQL; not as UTF-8
Scalar = str | int | float | bool | None


@dataclass
class Node:
    """A value of the file: a scalar, a list or a mapping, where it begins, and where its keys stand."""

    place: Place
    value: Scalar | list[Node] | dict[str, Node] = None
    keys: dict[str, Place] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value as Python has it."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def read_yaml(data: bytes, largest: int = LARGEST_FILE) -> Node:
    """The one mapping that a file of at most `largest` bytes consists of. Raises Wrong for whatever else it is."""
    text = _text(data, largest)
    try:
        events = iter(list(yaml.parse(text, Loader=yaml.CSafeLoader)))
    except yaml.MarkedYAMLError as error:
        raise _malformed(error, text) from None
    except yaml.YAMLError:
        raise Wrong(START, "yaml_malformed", Text("This is no YAML")) from None
    return _document(events)


def _text(data: bytes, largest: int) -> str:
    if len(data) > largest:
        raise Wrong(START, "file_too_large", Text("The file is over {size} KB", size=largest // 1024))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        raise Wrong(_place_after(before), "file_not_utf8", Text("The file must be saved as UTF-8")) from None
    found = UNPRINTABLE.search(text)
    if found is not None:
        raise Wrong(_place_after(text[: found.start()]), "yaml_malformed", _invisible(found))
    return text


def _invisible(found: re.Match[str]) -> Text:
    return Text("There is an invisible character, U+{number}", number=f"{ord(found[0]):04X}")


def _place_after(before: str) -> Place:
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _malformed(error: yaml.MarkedYAMLError, text: str) -> Wrong:
    lines = text.splitlines()
    marks = [_place(mark) for mark in (error.problem_mark, error.context_mark) if mark is not None]
    # What is not closed is noticed behind the end; then the place where it begins says more.
    end = Place(max(1, len(lines)), len(lines[-1]) + 1 if lines else 1)
    place = next((one for one in marks if one.line <= len(lines)), end)
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    indentation = line[: len(line) - len(line.lstrip())]
    if "\t" in indentation:
        where = Place(place.line, indentation.index("\t") + 1)
        return Wrong(where, "yaml_tab", Text("There is a tab in the indentation; YAML wants spaces"))
    said = " ".join(filter(None, (error.context, error.problem))) or "syntax"
    return Wrong(place, "yaml_malformed", Text("This is no YAML: {reason}", reason=said))


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _document(events: Iterator[Any]) -> Node:
    root: Node | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if root is not None:
                raise Wrong(
                    _place(event.start_mark), "yaml_documents", Text("One file holds one document, one bot")
                )
        elif not isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent):
            root = _node(event, events, 1)
    if root is None or root.value is None:
        raise Wrong(START, "file_empty", Text("The file says nothing; it begins with the id of a bot"))
    if not isinstance(root.value, dict):
        raise Wrong(root.place, "yaml_no_mapping", Text("A bot's file consists of lines such as id: shop"))
    return root


def _node(event: Any, events: Iterator[Any], depth: int) -> Node:
    place = _place(event.start_mark)
    _refuse_unneeded(event, place)
    if depth > DEEPEST:
        raise Wrong(place, "yaml_too_deep", Text("Values are {most} levels deep at most", most=DEEPEST))
    if isinstance(event, yaml.ScalarEvent):
        return Node(place, _scalar(event, place))
    if isinstance(event, yaml.SequenceStartEvent):
        return Node(place, list(_items(events, depth)))
    return _mapping(place, events, depth)


def _items(events: Iterator[Any], depth: int) -> Iterator[Node]:
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        yield _node(event, events, depth + 1)


def _mapping(place: Place, events: Iterator[Any], depth: int) -> Node:
    node, value = Node(place), dict[str, Node]()
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        where = _place(event.start_mark)
        _refuse_unneeded(event, where)
        if not isinstance(event, yaml.ScalarEvent):
            raise Wrong(where, "yaml_key", Text("A key is a single word"))
        key = str(event.value)
        if key == "<<" and event.implicit[0]:
            raise Wrong(where, "yaml_alias", Text("Merges (<<) are not read; write the values out"))
        if key in value:
            reason = Text("{key} is there twice, first in line {line}", key=key, line=node.keys[key].line)
            raise Wrong(where, "yaml_duplicate_key", reason)
        node.keys[key] = where
        value[key] = _node(next(events), events, depth + 1)
    node.value = value
    return node


def _refuse_unneeded(event: Any, place: Place) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise Wrong(
            place,
            "yaml_alias",
            Text("Anchors (&) and aliases (*) are not read; write the values out, or put text in quotes"),
        )
    if getattr(event, "tag", None) is not None:
        raise Wrong(place, "yaml_tag", Text("Tags (!) are not read; put text in quotes"))


def _scalar(event: yaml.ScalarEvent, place: Place) -> Scalar:
    """What a word means; quoted ones and blocks are text, whatever they look like."""
    word = str(event.value)
    hidden = UNSTORABLE.search(word)  # other signs that nobody sees were escaped: they are meant
    if hidden is not None:
        raise Wrong(place, "yaml_malformed", _invisible(hidden))
    if not event.implicit[0]:
        return word
    if word in TRUTHS:
        return TRUTHS[word]
    if word in NOTHING:
        return None
    if word.lower() in AMBIGUOUS or OLD_NUMBER.fullmatch(word):
        reason = Text(
            'YAML 1.1 and 1.2 read {word} differently; write "{word}" if it is text, else true, false or a plain number',
            word=word,
        )
        raise Wrong(place, "yaml_ambiguous", reason)
    return _number(word, place)


def _number(word: str, place: Place) -> Scalar:
    if not BROKEN.fullmatch(word):
        return word
    if len(word) > LONGEST_NUMBER or isinf(float(word)):
        raise Wrong(place, "yaml_ambiguous", Text("This number is too long; put it in quotes if it is text"))
    return int(word) if WHOLE.fullmatch(word) else float(word)
