"""ClamAV, asked by its INSTREAM command (clamd(8)): whether it knows a file as malware."""

from __future__ import annotations

import logging
import socket
import struct
import time
from pathlib import Path
from typing import Final

from plugins.files import FileRefused

logger = logging.getLogger(__name__)
PIECE: Final = 64 * 1024
LONGEST_ANSWER: Final = 4096
CLEAN: Final = b"stream: OK"
FOUND: Final = b" FOUND"


def scan(address: str, file: Path, seconds: float) -> None:
    """Return if the scanner at `address` (`host:port`, or the path of its socket) finds nothing within `seconds`.

    Raises FileRefused: `infected`, or `unscanned` when it does not say so.
    """
    try:
        answer = _ask(address, file, time.monotonic() + seconds)
    except OSError as error:
        logger.error("the virus scanner does not answer (%s): a file is refused", type(error).__name__)
        raise FileRefused("unscanned") from None
    if answer == CLEAN:
        return
    logger.warning("the virus scanner says: %s", answer[:200].decode(errors="replace"))
    raise FileRefused("infected" if answer.endswith(FOUND) else "unscanned")


def _ask(address: str, file: Path, deadline: float) -> bytes:
    with _connected(address, deadline) as scanner, file.open("rb") as content:
        scanner.sendall(b"zINSTREAM\0")
        while piece := content.read(PIECE):
            scanner.settimeout(_left(deadline))
            scanner.sendall(struct.pack("!L", len(piece)) + piece)
        scanner.sendall(struct.pack("!L", 0))
        answer = b""
        while not answer.endswith(b"\0") and len(answer) < LONGEST_ANSWER:
            scanner.settimeout(_left(deadline))
            more = scanner.recv(LONGEST_ANSWER)
            if not more:
                break
            answer += more
        return answer.rstrip(b"\0").strip()


def _connected(address: str, deadline: float) -> socket.socket:
    if not address.startswith("/"):
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=_left(deadline))
    scanner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    scanner.settimeout(_left(deadline))
    try:
        scanner.connect(address)
    except OSError:
        scanner.close()
        raise
    return scanner


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
