"""Every route declares who may use it; a test walks the URL map and refuses a route without a declaration.

`@public` anybody · `@signed_in` a person with a session · `@api(Scope.X)` an API key with that scope, or a session
(then with a CSRF token on anything but GET) · `@by_worker` a bot's own program with its worker token · `@by_signature` a program whose request carries its signature, which the view checks · `@internal` an admin, the metrics token or, where there is none, a program on this machine.
`@fresh()` beside one of the middle two: a person must have typed the password lately, or a code with two-step sign-in.
`@to_second_factor` beside `@signed_in`: also for an admin who has yet to set up the second factor that is required.
`security` has Flask-Login enforce it; whom it let in is `caller()`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import current_app, g, request
from flask_login import current_user

from services.core.errors import FlotillaError, Unauthenticated
from services.fleet.workers.tokens import WorkerIdentity
from services.platform.accounts.principal import Principal, Scope
from services.platform.accounts.sessions import SignedIn

View = TypeVar("View", bound=Callable[..., Any])
PUBLIC = "public"
SIGNED_IN = "signed_in"
INTERNAL = "internal"
BY_WORKER = "by_worker"
BY_SIGNATURE = "by_signature"


@dataclass(frozen=True)
class Fresh:
    """What a route needs a fresh sign-in for; a form's route names the page to come back to and what may stand in its address."""

    page: str = ""  # endpoint of the page that holds the form
    part: str = ""  # id of the form's place on it
    keep: tuple[str, ...] = ()  # fields that are filled in again; never a secret


def public(view: View) -> View:
    """Open to anybody."""
    return _declare(view, PUBLIC)


def signed_in(view: View) -> View:
    """For a person with a session; others are sent to the sign-in page."""
    return _declare(view, SIGNED_IN)


def api(scope: Scope) -> Callable[[View], View]:
    """For an API key with `scope`, or a session."""
    return lambda view: _declare(view, scope)


def by_worker(view: View) -> View:
    """For the program behind a bot, with the bot's worker token; it reaches that bot's updates and outbox alone."""
    return _declare(view, BY_WORKER)


def by_signature(view: View) -> View:
    """For a program that has no key of ours: it signs each request, and the view checks that. No form, so no CSRF token."""
    return _declare(view, BY_SIGNATURE)


def internal(view: View) -> View:
    """For monitoring: an admin's session, the metrics token or, where there is none, a program on this machine."""
    return _declare(view, INTERNAL)


def fresh(*, page: str = "", part: str = "", keep: tuple[str, ...] = ()) -> Callable[[View], View]:
    """For a person who has typed the password within FRESH_LOGIN_MINUTES, with two-step sign-in a code within half an hour;
    API keys are not asked. See `Fresh`.
    """

    def declare(view: View) -> View:
        view.fresh = Fresh(page, part, keep)  # type: ignore[attr-defined]
        return view

    return declare


def takes_body(largest: int) -> Callable[[View], View]:
    """Let a body of up to `largest` bytes in, where others have the application's MAX_CONTENT_LENGTH."""

    def declare(view: View) -> View:
        view.largest_body = largest  # type: ignore[attr-defined]
        return view

    return declare


def to_second_factor(view: View) -> View:
    """Open to an admin who must have a second factor and has none: what setting it up takes, and the way out."""
    view.to_second_factor = True  # type: ignore[attr-defined]
    return view


def caller() -> Principal:
    """Who sent this request; Unauthenticated when nobody is known."""
    if not current_user.is_authenticated:
        raise Unauthenticated("Sign in or send an API key")
    known: Principal = current_user.caller
    return known


def worker() -> WorkerIdentity:
    """Whose program sent this request, on a route `@by_worker`."""
    known: WorkerIdentity = g.worker
    return known


def browser_session() -> SignedIn | None:
    """The browser's session on any page: None for nobody, for a key, and while the database is away, of which an error
    page must tell.
    """
    try:
        return current_user.session if current_user.is_authenticated else None
    except FlotillaError:
        return None


def declared(view: Callable[..., Any]) -> str | None:
    """The access declared for a view function: "public", "signed_in", "by_worker", "internal", a scope, or None."""
    return getattr(view, "access", None)


def largest_body(view: Callable[..., Any]) -> int | None:
    """What `@takes_body` says of a view function; None without it."""
    return getattr(view, "largest_body", None)


def wanted_freshness(view: Callable[..., Any]) -> Fresh | None:
    """What `@fresh()` says of a view function; None without it."""
    return getattr(view, "fresh", None)


def leads_to_second_factor(view: Callable[..., Any]) -> bool:
    """Whether a view function is declared `@to_second_factor`."""
    return getattr(view, "to_second_factor", False)


def declared_here() -> str | None:
    """The access declared for the route of this request; None where routing has failed."""
    return declared(current_app.view_functions[request.endpoint]) if request.endpoint else None


def _declare(view: View, access: str) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view
