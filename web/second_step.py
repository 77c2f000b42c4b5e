"""A browser between password and code: half signed in, which lets it do nothing but type the code, for ten minutes.

That state is no session. It stands in the signed cookie, and is void once the password changes. Who must have a second factor
and has none, an admin under REQUIRE_TOTP_FOR_ADMINS, is led to where it is set up, and gets nowhere else.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from flask import current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from services.core.errors import Forbidden
from services.platform.accounts.accounts import password_stamp
from services.platform.accounts.sessions import CodeWanted
from web.access import leads_to_second_factor
from web.errors import wants_problem
from web.platform import platform

HALF_SIGNED_IN = "_half_signed_in"
SECONDS = 600


@dataclass(frozen=True)
class HalfSignedIn:
    """Whose password this browser has typed, and whether it is to be remembered."""

    wanted: CodeWanted
    remember: bool


def begin(wanted: CodeWanted, *, remember: bool) -> None:
    """Keep in the cookie, which must hold no sign-in, that the password was right."""
    session[HALF_SIGNED_IN] = {
        "account_id": wanted.account_id,
        "email": wanted.email,
        "remember": remember,
        "at": int(time.time()),
        "stamp": password_stamp(platform(), wanted.email),
    }


def half_signed_in() -> HalfSignedIn | None:
    """What `begin` kept; None when it is too long ago or the password has changed since."""
    if HALF_SIGNED_IN not in g:  # the limits of one request ask several times
        setattr(g, HALF_SIGNED_IN, _half_signed_in())
    known: HalfSignedIn | None = g.get(HALF_SIGNED_IN)
    return known


def _half_signed_in() -> HalfSignedIn | None:
    kept = session.get(HALF_SIGNED_IN)
    if not kept or time.time() - kept["at"] > SECONDS:
        return None
    if kept["stamp"] != password_stamp(platform(), kept["email"]):
        return None
    return HalfSignedIn(CodeWanted(kept["account_id"], kept["email"]), kept["remember"])


def lead_to_second_factor() -> ResponseReturnValue | None:
    """An answer for a signed-in admin who must set up the second factor first; None for everybody else."""
    if not platform().settings.require_totp_for_admins or current_user.by_key:
        return None
    known = current_user.session
    if not known.caller.is_admin or known.has_second_factor:
        return None
    if leads_to_second_factor(current_app.view_functions[request.endpoint or ""]):
        return None
    if wants_problem():
        raise Forbidden("Set up two-step sign-in first, under My account", code="two_step_required")
    return redirect(url_for("two_step.page"))
