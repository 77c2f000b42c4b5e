"""Parameters of a Bot API call: query string, JSON, urlencoded and multipart bodies become one thing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.formparser import parse_form_data

from tools.sandbox.errors import ApiError, bad_request

MAX_BODY = 52 * 1024 * 1024
"""Telegram takes uploads up to 50 MB; a little more for the other fields."""


@dataclass(slots=True)
class Upload:
    """A file that came in a multipart body."""

    name: str
    data: bytes


@dataclass(slots=True)
class Params:
    """Typed access to parameters; objects may come as JSON or as strings holding JSON."""

    values: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """A string; numbers become strings."""
        value = self.values.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else str(value)

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number; what is not one counts as the default, as with Telegram."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            return default

    def flag(self, name: str) -> bool:
        """A boolean; ``true``, ``1`` and ``yes`` in strings are true."""
        value = self.values.get(name)
        return value.lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)

    def structure(self, name: str, wrong: str) -> Any:
        """An object or list, None when absent; ApiError 400 with the text ``wrong`` for broken JSON."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(wrong) from None


def read_params(environ: dict[str, Any]) -> Params:
    """Read a request's parameters; the body wins over the query string."""
    params = Params()
    query = environ.get("QUERY_STRING")
    if query:
        params.values.update(parse_qsl(query, keep_blank_values=True))
    if environ["REQUEST_METHOD"] == "GET":
        return params
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        _read_multipart(environ, params)
        return params
    body = _read_body(environ)
    if not body:
        return params
    if kind == "application/json":
        params.values.update(_read_json(body))
    else:
        params.values.update(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return params


def _read_body(environ: dict[str, Any]) -> bytes:
    if int(environ.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        raise ApiError(413, "Request Entity Too Large")
    body: bytes = environ["wsgi.input"].read()
    return body


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise bad_request("can't parse JSON object")
    return values


def _read_multipart(environ: dict[str, Any], params: Params) -> None:
    if int(environ.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        raise ApiError(413, "Request Entity Too Large")
    _stream, form, files = parse_form_data(environ)
    params.values.update(form.items())
    for name, storage in files.items():
        params.uploads[name] = Upload(storage.filename or "file", storage.read())
