"""Ids in paths: what is no id of a row finds no route, so no view meets a number that no column holds."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

from services.core.identifiers import LONGEST_ID, parsed_id


class IdConverter(BaseConverter):
    """`<int:…>` of all our routes: a positive number of at most 63 bits, in ASCII digits."""

    regex = f"[0-9]{{1,{LONGEST_ID}}}"

    def to_python(self, value: str) -> int:
        """The id; ValidationError, so 404, for a number beyond the column."""
        number = parsed_id(value)
        if number is None:
            raise ValidationError
        return number

    def to_url(self, value: Any) -> str:
        """The digits of an id."""
        return str(int(value))


def init_app(app: Flask) -> None:
    """Have `<int:…>` mean an id; before any route is added."""
    app.url_map.converters["int"] = IdConverter
