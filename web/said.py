"""What services say, in the language of whoever asked."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_babel import get_locale

from models import Bot
from services.core.sentences.saying import say
from services.fleet.bots.views import describe
from web.access import browser_session


def said(sentence: str) -> str:
    """A sentence of a service in the reader's language; a program that asks for none gets English."""
    return say(sentence, reader_locale())


def reader_locale() -> str:
    """As everywhere the account's, the cookie's or the browser's; English for a key without Accept-Language."""
    is_program = request.path.startswith("/webhook/") or (
        request.path.startswith("/api/") and browser_session() is None
    )
    if is_program and not request.accept_languages:
        return "en"
    return str(get_locale())


def described(bot: Bot) -> dict[str, Any]:
    """A bot with the reason of its status as the reader reads it."""
    return with_reason(describe(bot))


def with_reason(shown: dict[str, Any]) -> dict[str, Any]:
    """The same for a bot that is described already."""
    return {**shown, "status_reason": said(shown["status_reason"])}
