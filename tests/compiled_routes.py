"""Each route's address is compiled once for the run, not once for each application that a test makes.

An application has some 300 routes; compiling their addresses is half of what making one costs. What comes of it depends on
the route's own words and defaults and on the kinds of its variables, all of which are in the key; a kind of variable keeps
nothing of the application that it was made for but its map, which none of ours looks at.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from werkzeug.routing import Rule

_compile = Rule.compile
_compiled: dict[Hashable, tuple[Any, ...]] = {}


def compile_once() -> None:
    """Have every application made from now on share compiled routes."""
    Rule.compile = _shared  # type: ignore[method-assign, assignment]


def _shared(rule: Rule) -> None:
    assert rule.map is not None
    key = (
        rule.rule,
        rule.host if rule.map.host_matching else rule.subdomain,
        rule.merge_slashes,
        repr(rule.defaults),
        tuple(rule.map.converters.items()),
    )
    if key not in _compiled:
        _compile(rule)
        builders: list[Any] = [rule._build, rule._build_unknown]
        _compiled[key] = (rule._parts, rule._trace, rule._converters, *(each.__func__ for each in builders))
        return
    rule._parts, rule._trace, rule._converters, build, build_unknown = _compiled[key]
    rule.arguments.update(rule._converters)
    rule._build = build.__get__(rule)
    rule._build_unknown = build_unknown.__get__(rule)
