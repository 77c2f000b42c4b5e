"""The client's address and scheme behind reverse proxies: believed of those alone who connect from a proxy's address.

From here on REMOTE_ADDR is an address and nothing else, "" where nobody named one that can be read. Whoever connects from
elsewhere, past the proxies, is the client itself, whatever its headers say.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Request
from werkzeug.middleware.proxy_fix import ProxyFix

from services.core.addresses import address_of, plain_address
from services.core.proxies import proxies_of
from services.core.settings import Settings
from services.traffic.clicks.facts import country_variable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)
ORIGINAL = "werkzeug.proxy_fix.orig"  # where ProxyFix leaves what it has replaced
FORWARDING = (
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "Forwarded",
    "X-Real-IP",
    "Via",
)


class BehindProxies:
    """A WSGI application in front of `onward`, for exactly TRUSTED_PROXIES proxies, the nearest of them at PROXY_ADDRESSES.

    With none, every peer is the client itself.
    """

    def __init__(self, onward: WSGIApplication, settings: Settings) -> None:
        self._onward = onward
        # Hosts and ports are not taken from headers; the scheme is what the nearest proxy says.
        self._believing = ProxyFix(self._answer, x_for=settings.trusted_proxies, x_proto=1)
        self._proxies = proxies_of(settings)
        self._country = country_variable(settings)
        self._warned: set[str] = set()
        self._expects_proxies = settings.trusted_proxies > 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("REMOTE_ADDR", "") in self._proxies:
            return self._believing(environ, start_response)
        environ.pop(self._country, None)
        if self._expects_proxies and "HTTP_X_FORWARDED_FOR" in environ:
            self._warn("X-Forwarded-For came from elsewhere than a proxy: is PROXY_ADDRESSES right?")
        return self._answer(environ, start_response)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        said = environ.get("REMOTE_ADDR", "")
        address = environ["REMOTE_ADDR"] = plain_address(said)
        if said and not address:
            self._warn("X-Forwarded-For names no address of a client: limits count all such requests as one")
        return self._onward(environ, start_response)

    def _warn(self, text: str) -> None:
        """Once a process: anybody can write the headers."""
        if text not in self._warned:
            self._warned.add(text)
            logger.warning(text)


def init_app(app: Flask, settings: Settings) -> None:
    """Have `app` know its clients, behind proxies if there are any; to be put in front of everything else."""
    app.wsgi_app = BehindProxies(app.wsgi_app, settings)  # type: ignore[method-assign]


def is_from_this_machine(request: Request) -> bool:
    """Whether the socket's own peer is a program on this machine, and no proxy: one says so in a header."""
    if any(name in request.headers for name in FORWARDING):
        return False
    peer = address_of(request.environ.get(ORIGINAL, request.environ).get("REMOTE_ADDR") or "")
    return peer is not None and peer.is_loopback


def forwarded_hops(request: Request) -> int:
    """How many entries X-Forwarded-For came with: each proxy adds one."""
    return len([part for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()])
