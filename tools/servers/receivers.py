"""Where notifications arrive: an HTTP receiver and an SMTP server, each on a port of its own."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Post:
    """A request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Keeps what it gets and answers the next of `answers`, else 204."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    says: bytes = b""  # the body of every answer
    names: list[str | None] = field(default_factory=list)  # that TLS clients asked for

    def take(self, post: Post) -> tuple[int, dict[str, str]]:
        """Keep the request; status and headers of the answer."""
        self.posts.append(post)
        return self.answers.pop(0) if self.answers else (204, {})


@contextmanager
def http_receiver(certificate: Path | None = None) -> Iterator[Receiver]:
    """A running receiver on loopback; with a `certificate` (its key in the same file) it speaks TLS."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, headers = receiver.take(Post(self.path, dict(self.headers), body))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(receiver.says)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.says)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        tls.sni_callback = lambda _socket, name, _context: receiver.names.append(name)
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with _serving(server) as port:
        receiver.url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
        yield receiver


@dataclass
class Mailbox:
    """Keeps the mails it gets; `refuse` maps a recipient to the code he is refused with."""

    url: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)


@contextmanager
def smtp_server() -> Iterator[Mailbox]:
    """A running mail server on loopback, without encryption."""
    mailbox = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 test")
            while line := self.rfile.readline().decode().strip():
                command = line[:4].upper()
                if command == "RCPT":
                    self._say(self._recipient(line))
                elif command == "DATA":
                    self._say("354 go on")
                    self._keep()
                    self._say("250 kept")
                elif command == "QUIT":
                    return self._say("221 bye")
                else:
                    self._say("250 test" if command == "EHLO" else "250 ok")

        def _recipient(self, line: str) -> str:
            code = next((code for who, code in mailbox.refuse.items() if who in line), 0)
            return f"{code} no" if code else "250 ok"

        def _keep(self) -> None:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line)
            mailbox.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        mailbox.url = f"smtp://127.0.0.1:{port}"
        yield mailbox


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
