r"""Every text of a bot as one file that people read and edit, and back, character for character.

    ## start.welcome_message
    Hello {first_name}

A line that begins with ## is a header: the plugin and the place in its configuration. What follows up to the next one is
the text; blank lines around it do not count. In a text, a line of the forms below has one backslash more in the file:
`##...`, `\##...` and so on, and lines of nothing but backslashes. A blank line at the edge of a text is one backslash.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final

from services.core.errors import InvalidInput
from services.core.i18n import Text

HEADER: Final = "## "
EXAMPLE: Final = "## start.welcome_message"
AMBIGUOUS: Final = re.compile(r"\\*##.*|\\+", re.DOTALL)  # a line of a text that needs a backslash more
ESCAPED: Final = re.compile(r"\\+##.*|\\+", re.DOTALL)


def written(texts: Mapping[str, str]) -> str:
    """The file of texts by place, in their order."""
    return "\n".join(f"{HEADER}{place}\n{_body(text)}" for place, text in texts.items())


@dataclass(frozen=True)
class ReadText:
    """A text of a file; lines, counted from 1, of its header and of its own first line."""

    header_line: int
    line: int
    text: str


@dataclass(frozen=True)
class TextProblem:
    """A mistake in a file of texts, and its line there; 0 for what hangs on none."""

    line: int
    error: InvalidInput


def read(document: str) -> tuple[dict[str, ReadText], list[TextProblem]]:
    """The texts by place, and every mistake: `texts_before_header`, `texts_header_malformed` or `texts_doubled`."""
    found: dict[str, tuple[int, list[str]]] = {}
    problems: list[TextProblem] = []
    lines: list[str] | None = None
    for number, raw in enumerate(document.removeprefix("\ufeff").split("\n"), 1):
        line = raw.removesuffix("\r")  # of an editor under Windows
        if line.startswith("##"):
            place, lines = line.removeprefix(HEADER).strip(), []
            wrong = _wrong_with(line, place, number, found)
            if wrong is None:
                found[place] = (number, lines)
            else:
                problems.append(wrong)
        elif lines is not None:
            lines.append(line)
        elif line.strip() and not problems:
            first = Text("Line {line}: a header such as {place} comes first", line=number, place=EXAMPLE)
            problems.append(_problem(number, first, "texts_before_header"))
    return {place: _read_text(number, lines) for place, (number, lines) in found.items()}, problems


def _wrong_with(line: str, place: str, number: int, found: Container[str]) -> TextProblem | None:
    """Why a header is none."""
    if not line.startswith(HEADER) or not place or " " in place:
        form = Text("Line {line}: a header is written {place}", line=number, place=EXAMPLE)
        return _problem(number, form, "texts_header_malformed")
    if place in found:
        already = Text("Line {line}: {place} was there already", line=number, place=place)
        return _problem(number, already, "texts_doubled")
    return None


def _problem(line: int, text: Text, code: str) -> TextProblem:
    return TextProblem(line, InvalidInput(text, code=code, field="document"))


def _body(text: str) -> str:
    if not text:
        return ""
    lines = text.split("\n")
    filled = [number for number, line in enumerate(lines) if line]
    first, last = (filled[0], filled[-1]) if filled else (len(lines), -1)
    return "".join(
        _escaped(line, edge=not first <= number <= last) + "\n" for number, line in enumerate(lines)
    )


def _escaped(line: str, edge: bool) -> str:
    if line.endswith("\r"):
        line += "\r"  # reading takes one away
    return "\\" + line if edge or AMBIGUOUS.fullmatch(line.rstrip("\r")) else line


def _read_text(header_line: int, lines: list[str]) -> ReadText:
    filled = [number for number, line in enumerate(lines) if line]
    kept = lines[filled[0] : filled[-1] + 1] if filled else []
    text = "\n".join(line[1:] if ESCAPED.fullmatch(line.rstrip("\r")) else line for line in kept)
    return ReadText(header_line, header_line + 1 + (filled[0] if filled else 0), text)
