"""Whether Telegram and visitors reach this installation: name, way, certificate, and that it is we who answer."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from typing import Final

from services.core.i18n import Text
from services.core.times import utc_now
from services.core.url_safety import is_public
from services.operations.doctor.check import CouldNotLook, NotApplicable, Severity, Topic, check
from services.operations.doctor.echo import Echo
from services.operations.doctor.facts import Facts

warning = partial(check, Topic.REACHABILITY, Severity.WARNING)
error = partial(check, Topic.REACHABILITY, Severity.ERROR)
SOON: Final = timedelta(days=14)
SLOW_SECONDS: Final = 1.0


def _wanted(facts: Facts) -> Echo:
    if not facts.settings.webhook_base_url:
        raise NotApplicable
    return facts.echo


def _answered(facts: Facts) -> Echo:
    echo = _wanted(facts)
    if echo.trouble or not echo.is_us:
        raise CouldNotLook("WEBHOOK_BASE_URL does not lead here")
    return echo


@error(
    why=Text("Telegram finds nobody to bring updates to."),
    advice=Text("Enter the name at your DNS, or correct WEBHOOK_BASE_URL."),
)
def host_unknown(facts: Facts) -> Text | None:
    """The name in WEBHOOK_BASE_URL is known."""
    echo = _wanted(facts)
    return Text("It is not resolved: {reason}", reason=echo.reason) if echo.trouble == "resolve" else None


@error(
    why=Text("Telegram calls from the internet, where nobody has that address."),
    advice=Text(
        "Give WEBHOOK_BASE_URL a public name. If it is only this machine that resolves it to a private address, all is well with Telegram."
    ),
)
def host_private(facts: Facts) -> Text | None:
    """The name in WEBHOOK_BASE_URL leads to a public address."""
    if not facts.settings.talks_to_telegram:
        raise NotApplicable
    private = [each for each in _wanted(facts).addresses if not is_public(ip_address(each))]
    return Text("It leads to {address}", address=private[0]) if private else None


@error(
    why=Text("Telegram brings no updates over a certificate that it cannot check."),
    advice=Text("Renew the certificate, and send the whole chain, not the last certificate alone."),
)
def certificate_refused(facts: Facts) -> Text | None:
    """The certificate is in order."""
    echo = _wanted(facts)
    return Text("It is refused: {reason}", reason=echo.reason) if echo.trouble == "tls" else None


@warning(
    why=Text("When it ends, updates stay away and visitors are warned."),
    advice=Text("See whether its renewal works."),
)
def certificate_ends_soon(facts: Facts) -> Text | None:
    """The certificate is good for two weeks and more."""
    end = _wanted(facts).expires_at
    if end is None:
        raise NotApplicable
    return Text("It ends on {day}", day=end.date().isoformat()) if end - utc_now() < SOON else None


@error(
    why=Text("Telegram gets no connection."),
    advice=Text(
        "See whether the port is open and the proxy runs. From inside some networks the own public address is not reached: then ask from elsewhere."
    ),
)
def host_unreachable(facts: Facts) -> Text | None:
    """WEBHOOK_BASE_URL is answered."""
    echo = _wanted(facts)
    return Text("No connection: {reason}", reason=echo.reason) if echo.trouble == "connect" else None


@error(
    why=Text(
        "Somebody else answers there: an installation with other keys, or a proxy's own page. Updates end there."
    ),
    advice=Text("Look where the name leads, and at what the proxy does with paths below it."),
)
def somebody_else_answers(facts: Facts) -> Text | None:
    """It is this installation that answers at WEBHOOK_BASE_URL."""
    echo = _wanted(facts)
    if echo.trouble:
        raise CouldNotLook("WEBHOOK_BASE_URL does not answer")
    return None if echo.is_us else Text("The answer there ({status}) is not ours", status=echo.status)


@error(
    why=Text(
        "With too few every visitor has a proxy's address and shares its limits; with too many visitors may claim any address."
    ),
    advice=Text("Set TRUSTED_PROXIES to the number that is told here."),
)
def proxies_miscounted(facts: Facts) -> Text | None:
    """As many proxies stand in front as TRUSTED_PROXIES says."""
    hops, told = _answered(facts).hops, facts.settings.trusted_proxies
    return (
        None
        if hops in (None, told)
        else Text("{hops} stand in front, TRUSTED_PROXIES is {told}", hops=hops or 0, told=told)
    )


@warning(
    why=Text("Visitors wait so long for a link, and Telegram for each update."),
    advice=Text("See what the proxies do, and whether the web process is busy."),
)
def answers_slowly(facts: Facts) -> Text | None:
    """WEBHOOK_BASE_URL is answered soon."""
    seconds = _answered(facts).seconds
    return Text("It takes {n} s", n=round(seconds, 1)) if seconds > SLOW_SECONDS else None
