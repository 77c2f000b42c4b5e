"""The listening side of a web worker: what a client sees connected is answered, up to the moment the socket closes."""

from __future__ import annotations

from contextlib import suppress

from gevent.server import StreamServer


class DrainingServer(StreamServer):
    """A server whose close takes over whoever is connected already.

    The system connects clients before anybody accepts them, and resets those that wait when the socket closes: for a balancer that had
    sent a request by then, a 502.
    """

    def close(self) -> None:
        """Accept all that are there and for whom there is room, then stop listening."""
        if not self.closed:
            self.stop_accepting()
            with suppress(OSError):  # no file is left, say: closing goes on
                while not self.full() and (accepted := self.do_read()) is not None:
                    self.do_handle(*accepted)
        super().close()
