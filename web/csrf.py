"""Forms come from our own pages: each carries a token of its session, and the browser's word of where it was is heard.

The token alone would do. What the browser says beside it (`Sec-Fetch-Site`, else `Origin` or `Referer`) guards against a page
of the same site that has planted a session; no more is asked of it than it can know behind a proxy, which may pass a Host of
its own or lose the port, and nothing at all where it says nothing.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from flask import current_app, request
from flask_wtf.csrf import CSRFError, CSRFProtect

from services.core.i18n import Text
from web.platform import platform

protection = CSRFProtect()  # type: ignore[no-untyped-call]
OWN_PAGES = {"same-origin", "none"}  # "none": the person did it, as by loading an answer again
LONGEST_ORIGIN = 200  # characters shown of a header


class FormRefused(CSRFError):
    """A form is not one of ours, or cannot be told to be; `text` says what to do.

    `cause` is the answer's code: "csrf" for one out of date, "csrf_cookie" without its cookie, "csrf_origin" from a page
    that seems another's.
    """

    def __init__(self, text: Text, cause: str) -> None:
        super().__init__(str(text))
        self.text, self.cause = text, cause


def check_form() -> None:
    """Raises FormRefused unless the present request comes from a page of ours, in this session."""
    try:
        protection.protect()  # type: ignore[no-untyped-call]
    except CSRFError:
        raise _without_token() from None
    site = request.headers.get("Sec-Fetch-Site")
    if site is None and request.is_secure:
        _check_origin(request.headers.get("Origin") or request.referrer or "null")
    elif site is not None and site not in OWN_PAGES:
        raise FormRefused(
            Text("The form was sent by a page of another site; open it here and repeat"), "csrf_origin"
        )


def _without_token() -> FormRefused:
    if current_app.config["SESSION_COOKIE_NAME"] in request.cookies:
        return FormRefused(Text("The form is out of date; load the page again and repeat"), "csrf")
    if current_app.config["SESSION_COOKIE_SECURE"] and _said_origin().scheme == "http":
        text = Text(
            "In production the panel works over https alone, for browsers keep its cookie nowhere else: "
            "open it by an address that begins with https://"
        )
    else:
        text = Text(
            "The form came without its cookie. Load the page again and repeat; if that does not help, allow cookies for this "
            "address, and let the proxy in front of Flotilla, if there is one, pass Cookie and Set-Cookie on"
        )
    return FormRefused(text, "csrf_cookie")


def _check_origin(said: str) -> None:
    """Browsers without Sec-Fetch-Site. Ports are not compared: cookies do not tell them apart, and proxies lose them."""
    if said == "null":
        return
    page = _split(said)
    hosts = {_split(f"//{request.host}").hostname, _split(platform().settings.public_url).hostname}
    if page.scheme == "https" and page.hostname and page.hostname in hosts:
        return
    origin = f"{page.scheme}://{page.netloc.rpartition('@')[2]}"[:LONGEST_ORIGIN]
    raise FormRefused(
        Text(
            "Your browser says that this page is at {origin}, but the request came for the host {host}. If {origin} is the right "
            "address, set PUBLIC_URL to it, or have the proxy pass the browser's Host on (nginx: proxy_set_header Host $http_host)",
            origin=origin,
            host=request.host[:LONGEST_ORIGIN],
        )
        if page.scheme == "https"
        else Text("The page was not loaded over https: open it by an address that begins with https://"),
        "csrf_origin",
    )


def _said_origin() -> SplitResult:
    return _split(request.headers.get("Origin") or request.referrer or "")


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
