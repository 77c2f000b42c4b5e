"""What Telegram would show of the texts that a plugin's configuration makes a bot send."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby, pairwise
from typing import Any, Final

from typing_extensions import TypedDict

from plugins.markup import MarkupError, styled
from plugins.styles import Span
from plugins.texts import PlannedText
from services.fleet.plugin_catalogue import catalogue, validate

BLOCKS: Final = ("pre", "quote")  # styles that have lines of their own
# What Telegram makes a link of by itself, where it is not code or a link already.
AUTOMATIC: Final = re.compile(
    r"(?<![\w/@#])(?:/[A-Za-z0-9_]{1,32}\b|@[A-Za-z]\w{3,31}\b|#\w+|https?://[^\s<>]+)"
)
LITERAL: Final = frozenset(("code", "pre", "link"))
SAMPLE: Final = {
    "first_name": "Ana",
    "last_name": "Silva",
    "username": "ana_silva",
    "id": 123456789,
    "start_param": "promo",
}


class RunView(TypedDict):
    """Characters that look alike; `url` is where a link among them leads."""

    text: str
    styles: list[str]
    url: str


class BlockView(TypedDict):
    """Lines of one kind: text, quote or pre."""

    kind: str
    runs: list[RunView]


class TextView(TypedDict):
    """A text of a plugin, by the field where it stands, as people see it."""

    field: str
    blocks: list[BlockView]


def planned_texts(name: str, config: Mapping[str, Any]) -> list[PlannedText]:
    """What the plugin would say, configured so. InvalidInput as when it is saved."""
    model = catalogue().plugins[name].config_model if name in catalogue().plugins else None
    checked = validate(name, config)
    return [] if model is None else [each for each in model(**checked).telegram_texts() if each.text]


def preview(name: str, config: Mapping[str, Any], bot_name: str) -> list[TextView]:
    """The plugin's texts as somebody with a usual name sees them. InvalidInput as when the plugin is saved."""
    values = {**SAMPLE, "bot_name": bot_name}
    return [
        {"field": each.field, "blocks": blocks_of(each.filled(values), each.parse_mode)}
        for each in planned_texts(name, config)
    ]


def blocks_of(source: str, parse_mode: str | None) -> list[BlockView]:
    """`source` as Telegram shows it; markup that cannot be read is shown as it stands."""
    try:
        text, spans = styled(source, parse_mode)
    except MarkupError:  # of a plugin that checks nothing: Telegram sends it in plain words
        text, spans = source, []
    runs = _runs(text, [*spans, *_automatic(text, spans)])
    blocks: list[BlockView] = [{"kind": kind, "runs": list(group)} for kind, group in groupby(runs, _kind)]
    for before, after in pairwise(blocks):  # the end of a line that a block of its own has anyway
        if after["kind"] != "text":
            before["runs"][-1]["text"] = before["runs"][-1]["text"].removesuffix("\n")
        if before["kind"] != "text":
            after["runs"][0]["text"] = after["runs"][0]["text"].removeprefix("\n")
    return blocks


def _runs(text: str, spans: list[Span]) -> Iterator[RunView]:
    """The text cut wherever its looks change, without the blanks around it, which Telegram removes."""
    first, last = len(text) - len(text.lstrip()), len(text.rstrip())
    edges: dict[int, list[tuple[int, Span]]] = {first: [], last: []}
    for span in spans:
        for at, step in ((span.begin, 1), (span.end, -1)):
            edges.setdefault(min(max(at, first), last), []).append((step, span))
    styles: Counter[str] = Counter()
    targets: dict[Span, str] = {}  # of the links that are open, the innermost last
    for left, right in pairwise(sorted(edges)):
        for step, span in edges[left]:
            styles[span.style] += step
            if span.target and step > 0:
                targets[span] = span.target
            else:
                targets.pop(span, None)
        shown = sorted(style for style, depth in styles.items() if depth)
        yield {"text": text[left:right], "styles": shown, "url": next(reversed(targets.values()), "")}


def _automatic(text: str, spans: list[Span]) -> Iterator[Span]:
    taken = bytearray(len(text))
    for span in spans:
        if span.style in LITERAL:
            taken[span.begin : span.end] = b"\1" * (span.end - span.begin)
    for found in AUTOMATIC.finditer(text):
        if not any(taken[found.start() : found.end()]):
            yield Span(found.start(), found.end(), "link")


def _kind(run: RunView) -> str:
    return next((kind for kind in BLOCKS if kind in run["styles"]), "text")
