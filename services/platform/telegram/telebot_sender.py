"""Makes everything of telebot go through our client. The only module that touches telebot's global settings.

A process that uses telebot calls `install` once, before the first call; processes that don't never import telebot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from telebot import apihelper

from services.platform.telegram.client import TelegramClient


@dataclass(frozen=True)
class Answer:
    """The part of a `requests` response that telebot looks at."""

    result: Any
    status_code: int = 200

    @property
    def text(self) -> str:
        """Telebot puts this into its debug log; the content stays out of it."""
        return "(answer)"

    def json(self) -> dict[str, Any]:
        """The answer in the Bot API's envelope."""
        return {"ok": True, "result": self.result}


def install(client: TelegramClient) -> None:
    """Let telebot send through `client`; its failures are then our TelegramError family."""

    def send(
        _http_method: str,
        url: str,
        params: dict[str, Any] | None = None,
        files: dict[str, Any] | None = None,
        timeout: tuple[float, float] | None = None,
        proxies: object = None,
    ) -> Answer:
        token, method = url.rpartition("/bot")[2].split("/", 1)
        connect, read = timeout or (apihelper.CONNECT_TIMEOUT, apihelper.READ_TIMEOUT)
        result = client.call(
            token, method, params, connect_timeout=connect, read_timeout=read, files=_contents(files)
        )
        return Answer(result)

    apihelper.API_URL = f"{client.base_url}/bot{{0}}/{{1}}"  # type: ignore[assignment]
    apihelper.FILE_URL = f"{client.base_url}/file/bot{{0}}/{{1}}"  # type: ignore[assignment]
    apihelper.CONNECT_TIMEOUT, apihelper.READ_TIMEOUT = 5, 20  # telebot wants integers
    apihelper.RETRY_ON_ERROR = False
    apihelper.CUSTOM_REQUEST_SENDER = send  # type: ignore[assignment]


def _contents(files: dict[str, Any] | None) -> dict[str, tuple[str, bytes]] | None:
    """Telebot gives open files, bytes, or (name, either) pairs."""
    if not files:
        return None
    return {field: _named(field, value) for field, value in files.items()}


def _named(field: str, value: Any) -> tuple[str, bytes]:
    name, content = value if isinstance(value, tuple) else (getattr(value, "name", None) or field, value)
    content = content.read() if hasattr(content, "read") else content
    return str(name), content.encode() if isinstance(content, str) else bytes(content)
