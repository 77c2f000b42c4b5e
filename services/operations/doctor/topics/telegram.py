"""Telegram: reachable, and of one time with us."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final

import certifi
import urllib3

from services.core.i18n import Text
from services.operations.doctor.check import CouldNotLook, NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts
from services.operations.manager.ensuring import manager_trouble

warning = partial(check, Topic.TELEGRAM, Severity.WARNING)
error = partial(check, Topic.TELEGRAM, Severity.ERROR)
TIMEOUT_SECONDS: Final = 5.0
SKEW_SECONDS: Final = 30.0
SLOW_SECONDS: Final = 1.0


def _asked(facts: Facts) -> tuple[urllib3.BaseHTTPResponse, float]:
    pool = urllib3.PoolManager(ca_certs=certifi.where(), retries=False, timeout=TIMEOUT_SECONDS)
    began = time.perf_counter()
    try:
        return pool.request(
            "GET", facts.settings.telegram_api_url, redirect=False
        ), time.perf_counter() - began
    finally:
        pool.clear()


@error(
    why=Text("Bots neither answer nor are checked."),
    advice=Text(
        "See whether this machine may connect to port 443 of that host, its DNS, and TELEGRAM_API_URL."
    ),
)
def telegram_unreachable(facts: Facts) -> Text | None:
    """The Bot API server answers."""
    try:
        _asked(facts)
    except urllib3.exceptions.HTTPError as failed:
        return Text("{url}: {reason}", url=facts.settings.telegram_api_url, reason=type(failed).__name__)
    return None


@warning(
    why=Text("Every reply takes so much longer, and senders wait instead of sending."),
    advice=Text(
        "Run the workers nearer to Telegram, or a Bot API server of your own; raise SEND_CONCURRENCY meanwhile."
    ),
)
def telegram_slow(facts: Facts) -> Text | None:
    """The Bot API server answers soon."""
    _, seconds = _reached(facts)
    return Text("An answer takes {n} s", n=round(seconds, 1)) if seconds > SLOW_SECONDS else None


@warning(
    why=Text("Certificates, one-time codes and the age of updates are judged by it."),
    advice=Text("Have this machine keep its time by NTP."),
)
def clock_wrong(facts: Facts) -> Text | None:
    """This machine's clock agrees with Telegram's."""
    response, _ = _reached(facts)
    said = response.headers.get("Date")
    if not said:
        raise NotApplicable
    skew = time.time() - parsedate_to_datetime(said).timestamp()
    return Text("It is {n} s off", n=round(skew)) if abs(skew) > SKEW_SECONDS else None


def _reached(facts: Facts) -> tuple[urllib3.BaseHTTPResponse, float]:
    try:
        return _asked(facts)
    except urllib3.exceptions.HTTPError:
        raise CouldNotLook("Telegram does not answer") from None


@error(
    why=Text("Nobody can run the fleet from Telegram, and its alarms do not come there."),
    advice=Text("See MANAGER_BOT_TOKEN: a token of @BotFather, of a bot that is not registered here."),
)
def manager_bot_broken(facts: Facts) -> Text | None:
    """The manager bot works."""
    if not facts.settings.manager_bot_token.get_secret_value():
        raise NotApplicable
    return manager_trouble(facts.platform) or None
