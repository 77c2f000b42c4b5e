"""Connections to an address that was checked: the name cannot lead elsewhere afterwards, the certificate is still the name's."""

from __future__ import annotations

import logging
import re
import ssl
from functools import cache

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection

from services.core.url_safety import Target

PATH_OF_URL = re.compile(r"(https?://[^/\s]+)/\S*")


def connection_to(target: Target, *, connect_seconds: float) -> HTTPConnection:
    """A connection that is still to be opened, by `connect()` within `connect_seconds`."""
    if not target.secure:
        return HTTPConnection(target.ip, target.port, timeout=connect_seconds)
    return HTTPSConnection(
        target.ip,
        target.port,
        timeout=connect_seconds,
        server_hostname=target.host,
        ssl_context=_authorities(),
    )


@cache
def _authorities() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class _NoPaths(logging.Filter):
    """urllib3 logs the whole address with a warning when an answer's head is malformed."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = PATH_OF_URL.sub(r"\1/…", record.getMessage()), ()
        return True


logging.getLogger("urllib3.connection").addFilter(_NoPaths())
