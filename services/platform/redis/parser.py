"""How connections read what Redis answers: hiredis, the parser in C that redis-py takes where it is installed."""

from __future__ import annotations

from redis._parsers import _HiredisParser

from services.core.sockets import is_readable


class AnswerParser(_HiredisParser):
    """It looks at the socket without waiting.

    The pool looks before every command whether a connection is clean. redis-py's own look is a `select.poll`, which under
    gevent gives way to every other greenlet.
    """

    def can_read(self, timeout: float = 0) -> bool:
        """Whether the server says what nobody asked for, or has closed: the latter is a ConnectionError."""
        if (
            not timeout
            and self._sock is not None
            and not self._holds_anything()
            and not is_readable(self._sock)
        ):
            return False
        return bool(super().can_read(timeout))

    def _holds_anything(self) -> bool:
        """What was read before and not asked for, as bytes or, on a TLS connection, decrypted."""
        decrypted = self._sock.pending() if hasattr(self._sock, "pending") else 0
        return bool(decrypted or self._reader.has_data())
