# mypy: disable-error-code="import-untyped"
"""The Bot API at ``/bot<token>/<method>``: plain WSGI, because every message of a test passes here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import gevent

from tools.sandbox.errors import (
    NOT_FOUND,
    UNAUTHORIZED,
    ApiError,
    ConnectionDroppedError,
    bad_request,
    too_many_requests,
)
from tools.sandbox.faults import DESCRIPTIONS, Fault, FaultKind
from tools.sandbox.methods import BY_LOWER_NAME
from tools.sandbox.methods.files import find_by_path
from tools.sandbox.methods.reply import Described
from tools.sandbox.model import Bot, BotStatus
from tools.sandbox.names import TOKEN_PATTERN
from tools.sandbox.params import Params, read_params
from tools.sandbox.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

FILE_PATH = re.compile(r"/file/bot([^/]+)/(.+)")
CALL_PATH = re.compile(r"/bot([^/]+)/(?:test/)?([^/]+)/?")
STATUS_LINES = {
    200: "200 OK",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    404: "404 Not Found",
    409: "409 Conflict",
    413: "413 Request Entity Too Large",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Unavailable",
    504: "504 Gateway Timeout",
}
GARBAGE = b"<html><body><h1>It works!</h1></body></html>"


class BotApi:
    """Answers Bot API calls for one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """WSGI entry for paths that start with ``/bot``."""
        if environ["PATH_INFO"].startswith("/file/"):
            return self._send_file(environ["PATH_INFO"], start_response)
        name = "?"
        # A call that a reset overtook counts where it began: what comes after the reset starts at zero.
        stats = self.world.stats
        try:
            bot, name = self._identify(environ["PATH_INFO"])
            params = read_params(environ)
            if self.world.settings.latency:
                gevent.sleep(self.world.settings.latency)
            if self.world.faults.faults:
                result = self._call_with_faults(bot, name, params)
            else:
                result = self._call(bot, name, params)
        except ApiError as error:
            stats.calls[name, error.code] += 1
            return _refuse(error, start_response)
        except ConnectionDroppedError:
            stats.calls[name, 0] += 1
            raise
        stats.calls[name, 200] += 1
        if isinstance(result, _Raw):
            return _send(200, result.body, result.kind, [], start_response)
        return _send(200, _success(result), "application/json", [], start_response)

    def _send_file(self, path: str, start_response: StartResponse) -> Iterable[bytes]:
        """The bytes of a file, under the path that getFile gave; 404 for everything else."""
        match = FILE_PATH.fullmatch(path)
        bot = self.world.by_token.get(match.group(1)) if match else None
        stored = find_by_path(self.world, bot, match.group(2)) if match and bot else None
        if stored is None:
            return _refuse(ApiError(*NOT_FOUND), start_response)
        self.world.stats.calls["file", 200] += 1
        return _send(200, stored.data, "application/octet-stream", [], start_response)

    def _identify(self, path: str) -> tuple[Bot, str]:
        """Bot and proper method name. ApiError 404 for a malformed token, 401 for an unknown one."""
        match = CALL_PATH.fullmatch(path)
        if match is None or not TOKEN_PATTERN.fullmatch(match.group(1)):
            raise ApiError(*NOT_FOUND)
        bot = self.world.by_token.get(match.group(1))
        if bot is None or bot.status is BotStatus.REVOKED:
            raise ApiError(*UNAUTHORIZED)
        known = BY_LOWER_NAME.get(match.group(2).lower())
        if known is None:
            raise ApiError(404, "Not Found: method not found")
        return bot, known[0]

    def _call(self, bot: Bot, name: str, params: Params) -> Any:
        if bot.status is BotStatus.FROZEN:
            raise bad_request("FROZEN_METHOD_INVALID")
        return BY_LOWER_NAME[name.lower()][1](self.world, bot, params)

    def _call_with_faults(self, bot: Bot, name: str, params: Params) -> Any:
        fault = self.world.faults.pick(bot.id, name, params.values.get("chat_id"))
        if fault is None:
            return self._call(bot, name, params)
        self.world.stats.faults_applied += 1
        if fault.kind is FaultKind.DELAY:
            gevent.sleep(fault.seconds)
            return self._call(bot, name, params)
        if fault.applied:
            self._call(bot, name, params)
        return _fail(fault)


def _refuse(error: ApiError, start_response: StartResponse) -> Iterable[bytes]:
    headers = []
    if error.parameters and "retry_after" in error.parameters:
        headers.append(("Retry-After", str(error.parameters["retry_after"])))
    body = json.dumps(error.body(), separators=(",", ":")).encode()
    return _send(error.code, body, "application/json", headers, start_response)


class _Raw:
    """A body that is not the Bot API's JSON."""

    def __init__(self, body: bytes, kind: str) -> None:
        self.body = body
        self.kind = kind


def _fail(fault: Fault) -> _Raw:
    """Act out a fault; everything but garbage raises."""
    if fault.kind is FaultKind.TIMEOUT:
        gevent.sleep(fault.seconds)
        raise ConnectionDroppedError(reset=False)
    if fault.kind is FaultKind.RESET:
        raise ConnectionDroppedError(reset=True)
    if fault.kind is FaultKind.TOO_MANY:
        raise too_many_requests(fault.retry_after)
    if fault.kind is FaultKind.GARBAGE:
        return _Raw(GARBAGE, "text/html")
    description = fault.description or DESCRIPTIONS.get(fault.status, "Internal Server Error")
    raise ApiError(fault.status, description)


def _success(result: Any) -> bytes:
    answer: dict[str, Any] = {"ok": True, "result": result}
    if isinstance(result, Described):
        answer = {"ok": True, "result": result.result, "description": result.description}
    return json.dumps(answer, separators=(",", ":")).encode()


def _send(
    status: int, body: bytes, kind: str, headers: list[tuple[str, str]], start_response: StartResponse
) -> Iterable[bytes]:
    line = STATUS_LINES.get(status) or f"{status} Error"
    start_response(line, [("Content-Type", kind), ("Content-Length", str(len(body))), *headers])
    return [body]
