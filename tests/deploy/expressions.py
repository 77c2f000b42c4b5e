"""Which metrics and labels an expression of PromQL names, and whether we have them. No parser: our own expressions are plain."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.docs.test_metrics import declared

FROM_PROMETHEUS = {"up": {"job", "instance"}}
WHOLE = {"process", "job", "instance", "le"}  # labels that every counter has, or every histogram
OTHERS = {  # of the client library's collector
    "process_resident_memory_bytes": set[str](),
    "process_cpu_seconds_total": set[str](),
    "process_open_fds": set[str](),
}
LANGUAGE = {"by", "on", "and", "or", "unless", "offset", "ignoring", "without", "group_left", "bool"}
STRINGS = re.compile(r'"[^"]*"')
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?(?!\s*\()(?![\w:])")
MATCHER = re.compile(r"(\w+)\s*[=!]~?")
GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
RANGE = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")


def metrics() -> dict[str, set[str]]:
    """Name -> labels of all series that `/metrics` shows."""
    known = {**FROM_PROMETHEUS, **OTHERS}
    for name, (labels, _) in declared().items():
        known[name] = set(labels)
        if name.endswith("_seconds"):
            known |= {f"{name}_{part}": set(labels) for part in ("bucket", "sum", "count")}
    return known


def mistakes(expression: str, known: dict[str, set[str]]) -> Iterator[str]:
    """What the expression names that we do not have."""
    plain = STRINGS.sub('""', expression)
    grouped = {label.strip() for names in GROUPING.findall(plain) for label in names.split(",")} - {""}
    plain = RANGE.sub("", GROUPING.sub("", plain))
    owned = set(WHOLE)
    for name, matchers in SELECTOR.findall(plain):
        if name in LANGUAGE:
            continue
        if name not in known:
            yield f"no metric {name}"
            continue
        owned |= known[name]
        yield from (
            f"{name} has no label {label}"
            for label in MATCHER.findall(matchers)
            if label not in known[name] | WHOLE
        )
    yield from (f"nothing here has the label {label}" for label in sorted(grouped - owned))
