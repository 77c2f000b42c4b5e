"""A call of the Bot API in a webhook's answer, in each form in which Telegram takes one: JSON, form, multipart."""

from __future__ import annotations

import json
from email import policy
from email.parser import BytesParser
from typing import Any, Final
from urllib.parse import parse_qsl

from services.messaging.workers.answering import WantedCall
from services.messaging.workers.form_values import value_in

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
MOST_FIELDS: Final = 100


def call_in(content_type: str, body: bytes) -> list[WantedCall]:
    """The call that an answer asks for; none for an answer that asks for nothing, whatever else it says. Files are left out."""
    mime = content_type.partition(";")[0].strip().lower()
    if mime == FORM:
        said: Any = _of_form(body)
    elif mime == MULTIPART:
        said = _of_parts(content_type, body)
    else:
        said = _json(body)
    method = said.pop("method", None) if isinstance(said, dict) else None
    return [WantedCall(method, said)] if isinstance(method, str) and method else []


def _of_form(body: bytes) -> dict[str, Any]:
    try:
        fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    return {name: value_in(name, value) for name, value in fields}


def _of_parts(content_type: str, body: bytes) -> dict[str, Any]:
    """A form of parts is a mail of parts."""
    if not content_type.isprintable():
        return {}
    head = f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n".encode(errors="replace")
    found: dict[str, Any] = {}
    for part in BytesParser(policy=policy.HTTP).parsebytes(head + body).iter_parts():
        name = part.get_param("name", header="Content-Disposition")
        if isinstance(name, str) and part.get_filename() is None and not part.is_multipart():
            content = part.get_payload(decode=True)
            found[name] = value_in(
                name, content.decode(errors="replace") if isinstance(content, bytes) else ""
            )
    return found


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
