"""How connections read what Redis answers: hiredis, the parser in C that redis-py takes where it is installed."""

from __future__ import annotations

from redis._parsers import _HiredisParser

from services.core.sockets import is_readable


class AnswerParser(_HiredisParser):
    """It looks at the socket without waiting.

    The pool looks before every command whether a connection is clean. redis-py's own look is a `select.poll`: gevent's gives
    way to every other greenlet, and a TLS connection that was closed, or has a new session ticket, looks as if it had an answer.
    """

    def can_read(self, timeout: float = 0) -> bool:
        """Whether the server says what nobody asked for. ConnectionError when it has closed the connection."""
        sock, reader = self._sock, self._reader  # another thread may close it meanwhile
        if timeout != 0 or sock is None or reader is None:
            return bool(super().can_read(timeout))
        is_tls = hasattr(sock, "pending")
        if reader.has_data() or (is_tls and sock.pending()):
            return True
        if not is_readable(sock):
            return False
        if is_tls:  # only reading tells
            return bool(self.read_from_socket(timeout=0, raise_on_timeout=False))  # type: ignore[no-untyped-call]
        return bool(super().can_read(timeout))
