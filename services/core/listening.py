"""Where the web process listens."""

from __future__ import annotations

import errno
import socket
from ipaddress import ip_address

from services.core.errors import ConfigurationError
from services.core.i18n import Text
from services.core.settings import Settings


def try_listen(host: str, port: int) -> None:
    """Raise OSError when nothing could listen on `port` now; connections that just ended do not count."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def check_bind(settings: Settings) -> None:
    """Raise ConfigurationError when BIND is no address of this machine."""
    try:
        try_listen(settings.listen_host, 0)
    except OSError as error:
        if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL):
            raise
        raise ConfigurationError(
            Text("BIND: {host} is no address of this machine", host=settings.listen_host)
        ) from None


def listen_address(settings: Settings) -> str:
    """Where the web process listens, as gunicorn and addresses on the web write it."""
    return _with_port(settings.listen_host, settings.port)


def local_address(settings: Settings) -> str:
    """Where a program on this machine finds the web process."""
    host = ip_address(settings.listen_host)
    nearest = str(host) if not host.is_unspecified else "127.0.0.1" if host.version == 4 else "::1"
    return _with_port(nearest, settings.port)


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
