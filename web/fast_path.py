"""The one way round Flask: a WSGI application in front of it, for the paths that are asked thousands of times a second.

Flask's routing, contexts, hooks and response cost more than a click or an update does (ADR 10, ADR 20). Each path has a
handler, which answers the plain case and leaves every other one to its view, with what it has found out in the environ:
nothing is done twice, and both ways answer alike. FAST_PATH=false takes this out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Answer = tuple[str, list[tuple[str, str]]]  # status line and headers; no body
Handler = Callable[[Flask, dict[str, Any]], Answer | None]


class FastPath:
    """A WSGI application: `handlers` by the beginning of their paths, and `onward` for all they give no answer to."""

    def __init__(self, app: Flask, onward: WSGIApplication, handlers: Mapping[str, Handler]) -> None:
        self._app = app
        self._onward = onward
        self._handlers = tuple(handlers.items())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path: str = environ["PATH_INFO"]
        for prefix, handler in self._handlers:
            if path.startswith(prefix):
                answer = handler(self._app, environ)
                if answer is not None:
                    start_response(*answer)
                    return ()
        return self._onward(environ, start_response)


def init_app(app: Flask, handlers: Mapping[str, Handler]) -> None:
    """Put the handlers in front of `app`; what finds out the client's address must come to stand before them."""
    app.wsgi_app = FastPath(app, app.wsgi_app, handlers)  # type: ignore[method-assign]
