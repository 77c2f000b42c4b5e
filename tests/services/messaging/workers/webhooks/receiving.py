"""The program behind a webhook, as a test wants it to behave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, str, bytes]  # status, content type, body
FINE: Answer = (200, "", b"")


class Receiver:
    """Takes updates at `url`; `answer` says what to each. `got` has what came: texts of messages, in order."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}/hook"
        self.got: list[str] = []
        self.secrets: set[str | None] = set()
        self.connections: set[Any] = set()
        self.answer: Callable[[dict[str, Any]], Answer] = lambda _: FINE
        self.lock = threading.Lock()


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A program that listens on this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            update = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with receiver.lock:
                receiver.got.append(update["message"]["text"])
                receiver.secrets.add(self.headers.get("X-Telegram-Bot-Api-Secret-Token"))
                receiver.connections.add(self.client_address)
            status, content_type, body = receiver.answer(update)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver = Receiver(server)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
