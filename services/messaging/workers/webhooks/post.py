"""One update to the webhook of a bot's program: to an address that was checked, bounded in time and size, never redirected.

Connections are kept open between updates, each to the address that its name had when it was checked. A server may drip: a time-out of a
socket bounds one read alone (and a whole handshake of TLS), so `Deadlines` shuts down what takes too long altogether.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import NO_CONTENT, HTTPException, responses
from typing import Final

from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from services.core.errors import InvalidInput, Unavailable
from services.core.url_safety import Target
from services.platform.pinned_connection import connection_to

CONNECT_SECONDS: Final = 5.0
LARGEST_ANSWER: Final = 1_000_000  # bytes; a call with the longest text has 40,000
CHUNK: Final = 65_536
IDLE_SECONDS: Final = 50.0  # most servers close what is silent for a minute
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - its name
NOT_SERVING: Final = (429, 502, 503, 504)  # said by what stands before a program, or by one that wants a rest


@dataclass(frozen=True)
class Reply:
    """What an endpoint said with a 2xx: the update is done. `body` is None where it was too long to be read."""

    content_type: str
    body: bytes | None


class PostFailed(Exception):
    """No good answer. `reached` is false where the program cannot have seen the update, `retry_after` what it asked for, in s."""

    def __init__(self, text: str, *, reached: bool, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.reached = reached
        self.retry_after = retry_after


class Deadlines:
    """Ends what takes too long. Somebody has to call `cut_off` now and then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[int, tuple[float, _Line]] = {}
        self.are_over = False

    @contextmanager
    def watching(self, line: _Line, deadline: float) -> Iterator[None]:
        """In the block the connection lives until `deadline` (monotonic) at the longest."""
        with self._lock:
            self._watched[id(line)] = (deadline, line)
        try:
            yield
        finally:
            with self._lock:
                del self._watched[id(line)]

    def end(self) -> None:
        """Shut down all connections, for good."""
        self.are_over = True
        self.cut_off(float("inf"))

    def cut_off(self, now: float) -> None:
        """Shut down all connections whose deadline has passed at `now` (monotonic)."""
        with self._lock:
            for deadline, line in self._watched.values():
                if deadline <= now:
                    line.shut_down()


class _Line:
    """A connection, and the socket under it."""

    def __init__(self, target: Target) -> None:
        self.connection = connection_to(target, connect_seconds=CONNECT_SECONDS)
        self.used_at = 0.0
        self._target = target
        self._socket: socket.socket | None = None  # also while an answer has it that ends with the connection

    @property
    def is_usable(self) -> bool:
        """Whether it can carry one more update."""
        return self.connection.is_connected and time.monotonic() - self.used_at < IDLE_SECONDS

    def connect(self, deadline: float) -> None:
        """Be connected. Raises PostFailed when that cannot be, OSError or HTTPError for what the deadline ended."""
        if not self.connection.is_connected:
            try:
                self.connection.connect()
            except (HTTPError, OSError) as error:
                raise PostFailed(_why(error), reached=False) from None
        self.connection.timeout = max(0.1, deadline - time.monotonic())
        if self.connection.sock is not None:
            self._socket = self.connection.sock
            self._socket.settimeout(self.connection.timeout)

    def ask(self, update: bytes, headers: Mapping[str, str]) -> BaseHTTPResponse:
        """Post an update; the head of the answer."""
        whole = {**headers, "Host": self._target.host_header}
        self.connection.request("POST", self._target.path, update, whole, preload_content=False)
        return self.connection.getresponse()

    def shut_down(self) -> None:
        """Have whoever reads or writes find its end."""
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(
                    self._socket, socket.SHUT_RDWR
                )  # TLS's own would be in its reader's way

    def close(self) -> None:
        """Give it up."""
        self.connection.close()


class WebhookClient:
    """The connections to one webhook; safe for threads. `resolve` finds and checks its address, for each connection anew."""

    def __init__(self, resolve: Callable[[], Target], secret: str, deadlines: Deadlines) -> None:
        self._resolve = resolve
        self._headers = {"Content-Type": "application/json", "User-Agent": "Flotilla"}
        if secret:
            self._headers[SECRET_HEADER] = secret
        self._deadlines = deadlines
        self._kept: list[_Line] = []
        self._is_over = False

    def post(self, update: bytes, seconds: float) -> Reply:
        """Bring an update (JSON); what was answered with a 2xx. Raises PostFailed when nothing was within `seconds`."""
        deadline = time.monotonic() + seconds
        while (line := self._kept_one()) is not None:
            with suppress(
                ConnectionError
            ):  # the server closed it in this very moment: it is silent, then as well
                return self._exchange(line, update, deadline)
        try:
            return self._exchange(self._new_one(), update, deadline)
        except ConnectionError:
            raise PostFailed("Connection closed without an answer", reached=True) from None

    def close(self) -> None:
        """Keep no connection open from now on."""
        self._is_over = True
        while (line := self._kept_one()) is not None:
            line.close()

    def _kept_one(self) -> _Line | None:
        while self._kept:
            with suppress(IndexError):  # another thread's by now
                line = self._kept.pop()
                if line.is_usable:
                    return line
                line.close()
        return None

    def _new_one(self) -> _Line:
        try:
            return _Line(self._resolve())
        except InvalidInput:
            raise PostFailed("The address leads to where no webhook may be", reached=False) from None
        except Unavailable:
            raise PostFailed("Failed to resolve host", reached=False) from None

    def _exchange(self, line: _Line, update: bytes, deadline: float) -> Reply:
        """Raises ConnectionError when the connection ended before there was an answer. What libraries say of errors is not told:
        it may name the path.
        """
        is_kept = False
        try:
            with self._deadlines.watching(line, deadline):
                line.connect(deadline)
                answer = line.ask(update, self._headers)
                reply = _read(answer)
            if time.monotonic() >= deadline:
                raise TimeoutError  # it may have been cut off, and look whole
            is_kept = reply.body is not None and not _has_a_rest(answer)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            if time.monotonic() >= deadline or isinstance(error, TimeoutError):
                raise PostFailed("Read timeout expired", reached=True) from None
            if isinstance(error, ConnectionError):
                raise
            raise PostFailed("Wrong response from the webhook: no HTTP", reached=True) from None
        finally:
            if is_kept and not self._is_over:
                line.used_at = time.monotonic()
                self._kept.append(line)
            else:
                line.close()
        return reply


def _why(error: Exception) -> str:
    """Why there is no connection, without the address."""
    if "timed out" in str(error) or isinstance(error, TimeoutError):
        return "Connection timed out"
    return (
        "SSL error"
        if isinstance(error, ssl.SSLError) or "SSL" in type(error).__name__
        else "Connection refused"
    )


def _has_a_rest(answer: BaseHTTPResponse) -> bool:
    """Whether a 204, which has no body, comes with one all the same: it would be taken for the beginning of the next answer."""
    head = answer.headers
    return answer.status == NO_CONTENT and (
        head.get("Content-Length", "0") != "0" or "Transfer-Encoding" in head
    )


def _read(answer: BaseHTTPResponse) -> Reply:
    if not 200 <= answer.status < 300:
        text = f"Wrong response from the webhook: {answer.status} {responses.get(answer.status, '')}"
        wish = answer.headers.get("Retry-After", "")
        raise PostFailed(
            text.strip(),
            reached=answer.status not in NOT_SERVING,
            retry_after=float(wish) if wish.isascii() and wish.isdecimal() else None,
        )
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(CHUNK, decode_content=False):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            return Reply(answer.headers.get("Content-Type", ""), None)
    return Reply(answer.headers.get("Content-Type", ""), b"".join(parts))
