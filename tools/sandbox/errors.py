"""Errors as Telegram words them.

Tree::

    ApiError            an answer ``{"ok": false, ...}``; the HTTP status equals ``error_code``
    ConnectionDroppedError      no answer at all: the socket is closed, politely or with a reset
    ControlError        an answer of the control API ``{"error": ..., "message": ...}``
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A Bot API failure: code, description and optional ``parameters``."""

    def __init__(self, code: int, description: str, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> dict[str, Any]:
        """The JSON object Telegram would send."""
        answer: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            answer["parameters"] = self.parameters
        return answer


class ConnectionDroppedError(Exception):
    """The connection ends without an answer; ``reset`` sends RST instead of FIN."""

    def __init__(self, reset: bool) -> None:
        super().__init__("connection dropped on purpose")
        self.reset = reset


class ControlError(Exception):
    """A refused control call: HTTP status, stable code, sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def bad_request(text: str, **parameters: Any) -> ApiError:
    """400 with Telegram's prefix."""
    return ApiError(400, f"Bad Request: {text}", parameters or None)


def forbidden(text: str) -> ApiError:
    """403: always about one user or chat, never about the bot."""
    return ApiError(403, f"Forbidden: {text}")


def too_many_requests(seconds: int) -> ApiError:
    """429 with the waiting time in whole seconds, at least 1."""
    wait = max(1, seconds)
    return ApiError(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait})


UNAUTHORIZED = (401, "Unauthorized")
NOT_FOUND = (404, "Not Found")
OTHER_POLLER = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
)
WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)
STALE_CALLBACK = "query is too old and response timeout expired or query ID is invalid"
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
