"""The client's address and scheme behind reverse proxies: believed of those alone who connect from a proxy's address.

Whoever connects from elsewhere, past the proxies, is the client itself, whatever its headers say.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Request
from werkzeug.middleware.proxy_fix import ProxyFix

from services.core.proxies import address_of, proxies_of
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
    """A WSGI application in front of `onward`, for exactly TRUSTED_PROXIES proxies, the nearest of them at PROXY_ADDRESSES."""

    def __init__(self, onward: WSGIApplication, settings: Settings) -> None:
        self._onward = onward
        # Hosts and ports are not taken from headers; the scheme is what the nearest proxy says.
        self._believing = ProxyFix(onward, x_for=settings.trusted_proxies, x_proto=1)
        self._proxies = proxies_of(settings)
        self._country = country_variable(settings)
        self._warned = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("REMOTE_ADDR", "") in self._proxies:
            return self._believing(environ, start_response)
        environ.pop(self._country, None)
        if not self._warned and "HTTP_X_FORWARDED_FOR" in environ:
            self._warned = True  # once a process: anybody can write the header
            logger.warning("X-Forwarded-For came from elsewhere than a proxy: is PROXY_ADDRESSES right?")
        return self._onward(environ, start_response)


def init_app(app: Flask, settings: Settings) -> None:
    """Have `app` know its clients behind proxies, if there are any; to be put in front of everything else."""
    if settings.trusted_proxies:
        app.wsgi_app = BehindProxies(app.wsgi_app, settings)  # type: ignore[method-assign]


def is_from_this_machine(request: Request) -> bool:
    """Whether the socket's own peer is a program on this machine, and no proxy: one says so in a header."""
    if any(name in request.headers for name in FORWARDING):
        return False
    peer = address_of(request.environ.get(ORIGINAL, request.environ).get("REMOTE_ADDR") or "")
    return peer is not None and peer.is_loopback
