"""A server that answers every connection with the same raw bytes, or with silence: a foreign or broken Bot API."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@contextmanager
def answering(
    answer: bytes, *, drip_seconds: float | None = None, certificate: Path | None = None
) -> Iterator[str]:
    """The URL of a server that sends `answer` to every request and closes; with `drip_seconds` byte by byte, but for a
    whole HTTP head.

    With a `certificate` (its key in the same file) it speaks TLS.
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
    if tls and certificate:
        tls.load_cert_chain(certificate)
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(
            target=_serve, args=(listener, answer, drip_seconds, stopped, tls), daemon=True
        )
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stopped.set()
            thread.join(5)


def _serve(
    listener: socket.socket,
    answer: bytes,
    drip_seconds: float | None,
    stopped: threading.Event,
    tls: ssl.SSLContext | None,
) -> None:
    while not stopped.is_set():
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.settimeout(5)
                talk = tls.wrap_socket(connection, server_side=True) if tls else connection
                with talk:
                    _read_request(talk)
                    _send(talk, answer, drip_seconds, stopped)


def _read_request(connection: socket.socket) -> None:
    """Read it whole: closing with unread bytes would reset the connection and tear the answer away."""
    request = b""
    while b"\r\n\r\n" not in request:
        if not (more := connection.recv(65536)):
            return
        request += more
        if not request.startswith(b"POST "):  # a TLS greeting: no more comes before our answer
            return
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    missing = int(length.group(1)) - len(body) if length else 0
    while missing > 0 and (more := connection.recv(65536)):
        missing -= len(more)


def _send(
    connection: socket.socket, answer: bytes, drip_seconds: float | None, stopped: threading.Event
) -> None:
    if drip_seconds is None:
        connection.sendall(answer)
        return
    head, blank, body = answer.partition(b"\r\n\r\n")
    connection.sendall(head + blank if blank else b"")
    for byte in body if blank else answer:
        if stopped.wait(drip_seconds):
            return
        connection.sendall(bytes([byte]))


def http(body: bytes, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """A whole HTTP answer; `length` may lie."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n{headers}\r\n"
    return head.encode() + body


def self_signed(folder: Path, host: str = "127.0.0.1") -> Path:
    """A certificate for `host` with its key, in one file, signed by nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    own = x509.IPAddress(IPv4Address(host)) if host[0].isdecimal() else x509.DNSName(host)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([own]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / f"{host}.pem"
    file.write_bytes(certificate.public_bytes(pem) + private)
    return file
