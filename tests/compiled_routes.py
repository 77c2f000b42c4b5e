"""Each route's address is compiled once for the run, not once for each application that a test makes.

An application has some 146 routes; compiling how their addresses are built is most of what making one costs. What comes of
it depends on the route's words and defaults alone: the converters are looked up in the rule that it is called with.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]
_compile = Rule._compile_builder
_compiled: dict[Hashable, Builder] = {}


def compile_once() -> None:
    """Have every application made from now on share compiled routes."""
    Rule._compile_builder = _builder  # type: ignore[assignment, method-assign]


def _builder(rule: Rule, append_unknown: bool = True) -> Builder:
    trace: Any = rule._trace
    key = (rule.rule, tuple(trace), repr(rule.defaults), append_unknown)
    if key not in _compiled:
        _compiled[key] = _compile(rule, append_unknown)
    return _compiled[key]
