"""A server that answers every POST with a sent message, under the head that Telegram's own server gives.

`python -m tools.benchmarks.http_answers [CERTIFICATE]` prints its port; with a certificate (its key in the same file) it speaks TLS.
"""

from __future__ import annotations

import re
import socket
import ssl
import sys
import threading
from contextlib import suppress

BODY = (
    b'{"ok":true,"result":{"message_id":1,"from":{"id":1000001,"is_bot":true,"first_name":"Bench","username":"bench_1_bot"},'
    b'"chat":{"id":1,"first_name":"Ana","type":"private"},"date":1700000000,"text":"m1"}}'
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.18.0\r\nDate: Sun, 29 Nov 2026 10:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: keep-alive\r\nStrict-Transport-Security: max-age=31536000; includeSubDomains; preload\r\n"
    b"Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET, POST, OPTIONS\r\n"
    b"Access-Control-Expose-Headers: Content-Length,Content-Type,Date,Server,Connection\r\n\r\n%s"
) % (len(BODY), BODY)


def main() -> None:
    """Serve until killed, a thread for each connection."""
    tls = None
    if len(sys.argv) > 1:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(connection, tls), daemon=True).start()


def _serve(connection: socket.socket, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        talk = tls.wrap_socket(connection, server_side=True) if tls else connection
        waiting = b""
        while received := talk.recv(65536):
            waiting += received
            while (size := _size_of_first(waiting)) and len(waiting) >= size:
                waiting = waiting[size:]
                talk.sendall(ANSWER)


def _size_of_first(waiting: bytes) -> int:
    """Bytes of the first request; 0 while its head is not whole."""
    head, end, _ = waiting.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    return len(head) + len(end) + int(length[1]) if end and length else 0


if __name__ == "__main__":
    main()
