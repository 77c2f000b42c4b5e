"""Ids in paths: what is no id of a row finds no route, so no view meets a number that no column holds."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import BaseConverter

from services.core.identifiers import LONGEST_ID


class IdConverter(BaseConverter):
    """`<int:…>` of all our routes: a positive number that any column holds, in ASCII digits.

    The pattern alone decides: a number refused behind it is a 405 to werkzeug where a route beside has another method.
    """

    regex = f"[1-9][0-9]{{0,{LONGEST_ID - 2}}}"

    def to_python(self, value: str) -> int:
        """The id."""
        return int(value)

    def to_url(self, value: Any) -> str:
        """The digits of an id."""
        return str(int(value))


def init_app(app: Flask) -> None:
    """Have `<int:…>` mean an id; before any route is added."""
    app.url_map.converters["int"] = IdConverter
