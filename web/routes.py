"""Routes whose address is compiled when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.routing import Rule


class LazyRule(Rule):
    """A rule that builds addresses from its first use on.

    Werkzeug compiles two functions for each of some 370 rules, 0.15 s of CPU, and a process calls few of them: a `flask`
    command none. What visitors ask for is matched without them.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(super(LazyRule, self)._compile_builder(append_unknown))
            return compiled[0](rule, **values)

        return build


def init_app(app: Flask) -> None:
    """Have the routes that are added from now on be such rules."""
    app.url_rule_class = LazyRule
