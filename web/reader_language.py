"""The language of whoever asked, and texts of services in it."""

from __future__ import annotations

from flask import request
from flask.json.provider import DefaultJSONProvider
from flask_babel import get_locale

from services.core.i18n import Text, translate
from web.access import browser_session

PROGRAMS = ("/api/", "/webhook/", "/health/")  # paths


def translated(text: Text) -> str:
    """A text of a service in the language of whoever asked."""
    return translate(text, reader_locale())


def reader_locale() -> str:
    """As everywhere the account's, the cookie's or the browser's; English for a program without Accept-Language."""
    if request.accept_languages or not request.path.startswith(PROGRAMS):
        return str(get_locale())
    # Telegram's calls and probes never load a session.
    by_person = request.path.startswith("/api/") and browser_session() is not None
    return str(get_locale()) if by_person else "en"


def for_json(value: object) -> object:
    """Whatever answer a text stands in, it leaves in the reader's language."""
    return translated(value) if isinstance(value, Text) else DefaultJSONProvider.default(value)
