"""Every route declares who may use it; a test walks the URL map and refuses a route without a declaration.

`@public` anybody · `@signed_in` a person with a session · `@api(Scope.X)` an API key with that scope, or a session
(then with a CSRF token on anything but GET) · `@internal` loopback, an admin or the metrics token.
The caller of the latter three is `caller()`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import g

from services.core.errors import Unauthenticated
from services.platform.accounts.principal import Principal, Scope

View = TypeVar("View", bound=Callable[..., Any])
PUBLIC = "public"
SIGNED_IN = "signed_in"
INTERNAL = "internal"


def public(view: View) -> View:
    """Open to anybody."""
    return _declare(view, PUBLIC)


def signed_in(view: View) -> View:
    """For a person with a session; others are sent to the sign-in page."""
    return _declare(view, SIGNED_IN)


def api(scope: Scope) -> Callable[[View], View]:
    """For an API key with `scope`, or a session."""
    return lambda view: _declare(view, scope)


def internal(view: View) -> View:
    """For monitoring: loopback, an admin's session or the metrics token."""
    return _declare(view, INTERNAL)


def caller() -> Principal:
    """Who sent this request; Unauthenticated when nobody is known."""
    known: Principal | None = g.get("caller")
    if known is None:
        raise Unauthenticated("Sign in or send an API key")
    return known


def declared(view: Callable[..., Any]) -> str | None:
    """The access declared for a view function: "public", "signed_in", "internal", a scope, or None."""
    return getattr(view, "access", None)


def _declare(view: View, access: str) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view
