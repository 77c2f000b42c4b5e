"""A server that answers every connection with the same raw bytes, or with silence: a foreign or broken Bot API."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def answering(answer: bytes, *, drip_seconds: float | None = None) -> Iterator[str]:
    """The URL of a server that sends `answer` to every request and closes; with `drip_seconds` byte by byte."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=_serve, args=(listener, answer, drip_seconds, stopped), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stopped.set()
            thread.join(5)


def _serve(
    listener: socket.socket, answer: bytes, drip_seconds: float | None, stopped: threading.Event
) -> None:
    while not stopped.is_set():
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.settimeout(5)
                connection.recv(65536)
                _send(connection, answer, drip_seconds, stopped)


def _send(
    connection: socket.socket, answer: bytes, drip_seconds: float | None, stopped: threading.Event
) -> None:
    if drip_seconds is None:
        connection.sendall(answer)
        return
    head, _, body = answer.partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\n\r\n")
    for byte in body:
        if stopped.wait(drip_seconds):
            return
        connection.sendall(bytes([byte]))


def http(body: bytes, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """A whole HTTP answer; `length` may lie."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n{headers}\r\n"
    return head.encode() + body
