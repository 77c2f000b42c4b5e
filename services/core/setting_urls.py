"""Settings that are addresses: read whole when a process starts, so that none fails later, elsewhere and in other words.

What is wrong is said without a word of the value: any part of it may be a password, also where it looks like a port.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from services.core.addresses import address_of

# \w: letters of any language, and the underscore that is usual among containers.
_NAME: Final = re.compile(r"(?!-)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?")
ENCODED: Final = "in a user name or password, signs such as # / ? @ [ ] % must be percent-encoded (# is %23, / is %2F, @ is %40)"


def checked_base_url(value: str) -> str:
    """An address that paths are put behind, without the slash at its end; "" stays. Raises ValueError."""
    if not value:
        return value
    parts = _checked(value, ("http", "https"), "https://example.com")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise ValueError("must end with the host, the port or a path: nothing may follow a ? or #")
    return value.rstrip("/")


def checked_mail_url(value: str) -> str:
    """The address of a mail server; "" stays. Raises ValueError."""
    if value:
        parts = _checked(value, ("smtp", "smtps"), "smtp://user:password@host:587")
        _nothing_after(parts, parts.path.strip("/"))
    return value


def checked_redis_url(value: str) -> str:
    """The address of a Redis, which redis-py can read with all its options; "" stays. Raises ValueError."""
    if not value:
        return value
    if value.startswith("unix://"):
        parts = _split(value)
        if len(parts.path) < 2 or parts.fragment:
            raise ValueError("must name a socket, as unix:///run/redis.sock?db=0")
    else:
        parts = _checked(value, ("redis", "rediss"), "redis://:password@host:6379/0")
        _nothing_after(parts, "")
        if not re.fullmatch(r"/?[0-9]{0,5}", parts.path, re.ASCII):
            raise ValueError("after the host may stand the number of a database alone, as /0")
    if parts.query:
        _check_options(value)
    return value


def check_host(host: str | None) -> None:
    """Raises ValueError unless `host` can be one: a name, of other letters too, or an address."""
    if not host or not (_NAME.fullmatch(host) or (":" in host and address_of(host))):
        raise ValueError("must name a host")


def check_port(port: int | None) -> None:
    """Raises ValueError for what is no port; None is the usual one."""
    if port is not None and not 1 <= port <= 65535:
        raise ValueError("the port must be a number between 1 and 65535")


def _checked(value: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    """The parts of an address whose scheme, user, host and port are sound."""
    parts = _split(value)
    if parts.scheme not in schemes or not value.partition(":")[2].startswith("//"):
        raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}, as {example}")
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":  # the host is behind it: this was no path
        raise ValueError(ENCODED)
    user, _, host = parts.netloc.rpartition("@")
    if set(user) & set("[]@"):
        raise ValueError(ENCODED)
    try:
        port = parts.port
    except ValueError:  # whose words are of the value
        port = 0
    check_port(port)
    if host.endswith(":"):
        raise ValueError("a port must follow the last colon")
    check_host(parts.hostname)
    return parts


def _split(value: str) -> SplitResult:
    if not value.isprintable() or " " in value:
        raise ValueError("must not hold spaces, line breaks or other signs that cannot be seen")
    try:
        return urlsplit(value)
    except ValueError:
        raise ValueError(f"is no address that can be read{_hint(value)}") from None


def _hint(value: str) -> str:
    return f"; {ENCODED}" if "@" in value else ""


def _nothing_after(parts: SplitResult, path: str) -> None:
    if path or parts.fragment or (parts.query and parts.scheme.startswith("smtp")):
        raise ValueError("nothing may follow the host and port")


def _check_options(value: str) -> None:
    """What follows the ?: redis-py takes names on trust, and fails when it first connects."""
    from redis.connection import Connection, parse_url  # noqa: PLC0415 - only where there are some: web processes listen sooner without

    try:
        options = dict(parse_url(value))  # type: ignore[no-untyped-call]
        for of_the_pool in ("max_connections", "timeout"):
            options.pop(of_the_pool, None)
        options.pop("connection_class", Connection)(**options)
    except (TypeError, ValueError):
        raise ValueError("an option behind the ? is not known, or has a value that makes no sense") from None
