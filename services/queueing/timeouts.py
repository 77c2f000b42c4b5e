"""A time limit on somebody else's code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gevent import Timeout, monkey


class HandlerTimeout(Exception):
    """A handler took longer than it may; it was cancelled."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise HandlerTimeout in the block after `seconds`.

    Works where threads are greenlets (our processes); elsewhere, as in most tests, the block runs unlimited.
    """
    if not monkey.is_module_patched("threading"):
        yield
        return
    timer = Timeout.start_new(seconds)
    try:
        yield
    except Timeout as error:
        if error is not timer:
            raise
        raise HandlerTimeout(f"The handler took longer than {seconds:g} seconds") from None
    finally:
        timer.close()
