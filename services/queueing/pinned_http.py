"""One HTTP exchange with an address that was checked: pinned, bounded in time and in what is read of the answer, never redirected."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPException

from urllib3.exceptions import HTTPError

from services.core.errors import NotDelivered
from services.core.i18n import Text
from services.core.url_safety import Target
from services.platform.pinned_connection import connection_to
from services.queueing.timeouts import HandlerTimeout, time_limit

CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Answered:
    """Status, Retry-After (s), and the beginning of the body as far as it was asked for."""

    status: int
    retry_after: float | None = None
    body: bytes = b""


def exchange(
    method: str, target: Target, body: bytes | None, headers: dict[str, str], *, seconds: float, most: int = 0
) -> Answered:
    """The answer within `seconds`, with `most` bytes of its body at most; the certificate is that of the name.

    Raises NotDelivered, in whose words there is nothing of the path, which may hold the receiver's key.
    """
    connection = connection_to(target, connect_seconds=CONNECT_SECONDS)
    # `from None`: what urllib3 raises names the path.
    try:
        with time_limit(seconds):  # a socket's time-out bounds one read, and a receiver may drip
            connection.connect()
            connection.timeout = seconds
            connection.request(method, target.path, body=body, headers=headers, preload_content=False)
            answer = connection.getresponse()
            start = answer.read(most) if most else b""
        return Answered(answer.status, _seconds(answer.headers.get("Retry-After")), start)
    except (HTTPError, HTTPException, HandlerTimeout, OSError) as error:
        cause = type(error.__cause__ or error).__name__
        raise NotDelivered(
            Text("{host} did not answer as it should ({error})", host=target.host, error=cause)
        ) from None
    finally:
        connection.close()


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isascii() and value.isdecimal() and len(value) < 6 else None
