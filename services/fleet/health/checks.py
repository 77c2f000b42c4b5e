"""The identity layer of health: getMe within two seconds in all, and what its answer says about the bot."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import urllib3

from models import Bot
from services.core.errors import (
    FlotillaError,
    NeverSent,
    Rejected,
    TelegramError,
    TooManyRequests,
    Uncertain,
)
from services.core.i18n import Text
from services.core.metrics import HEALTH_CHECK_SECONDS, HEALTH_CHECKS
from services.fleet.health.breaker import Cause, CheckOutcome, Health
from services.platform.platform import Platform
from services.platform.telegram.refusals import rejection_cause
from services.platform.tokens import token_of

logger = logging.getLogger(__name__)


def check_identity(platform: Platform, bot: Bot) -> CheckOutcome:
    """One getMe call, bounded by `health_timeout_seconds`; never raises a TelegramError."""
    began = time.monotonic()
    outcome = _ask(platform, bot)
    seconds = time.monotonic() - began
    if outcome.cause == Cause.UNREACHABLE and seconds >= platform.settings.health_timeout_seconds * 0.9:
        outcome = replace(outcome, cause=str(Cause.TIMEOUT))
    HEALTH_CHECKS.labels(outcome.verdict, outcome.cause).inc()
    HEALTH_CHECK_SECONDS.observe(seconds)
    return replace(outcome, ms=round(seconds * 1000), asked=bot.telegram_bot_id)


def timed_out() -> CheckOutcome:
    """The outcome of a check that the sweep gave up on."""
    HEALTH_CHECKS.labels(Health.TRANSIENT, Cause.TIMEOUT).inc()
    return CheckOutcome(Health.TRANSIENT, Cause.TIMEOUT, detail=Text("no answer within the sweep"))


def api_host_answers(platform: Platform) -> bool:
    """An unauthenticated probe of the Bot API's host: any HTTP answer below 500 will do."""
    timeout = platform.settings.health_timeout_seconds
    try:
        answer = urllib3.request(
            "GET", platform.settings.telegram_api_url + "/", timeout=timeout, retries=False, redirect=False
        )
    except (urllib3.exceptions.HTTPError, OSError):
        return False
    return answer.status < 500


def outcome_of(error: TelegramError) -> CheckOutcome:
    """What a failed getMe says about the bot. A 429, or a 403 about somebody, says nothing against it."""
    cause = rejection_cause(error)
    if cause:
        return CheckOutcome(Health.DEAD, Cause(cause), detail=error.text)
    if isinstance(error, TooManyRequests):
        return CheckOutcome(Health.NONE, detail=error.text, retry_after=error.retry_after or 1.0)
    if isinstance(error, Rejected) and error.error_code == 403:
        return CheckOutcome(Health.NONE, detail=error.text)
    return CheckOutcome(Health.TRANSIENT, _transient_cause(error), detail=error.text)


def _transient_cause(error: TelegramError) -> Cause:
    if isinstance(error, Uncertain) and error.error_code >= 500:
        return Cause.SERVER_ERROR
    if isinstance(error, NeverSent) or error.error_code == 0:
        return Cause.UNREACHABLE
    return Cause.GARBAGE


def _ask(platform: Platform, bot: Bot) -> CheckOutcome:
    seconds = platform.settings.health_timeout_seconds
    try:
        token = token_of(platform, bot)
        answer = platform.telegram.call(
            token, "getMe", connect_timeout=seconds, read_timeout=seconds, total_timeout=seconds
        )
    except TelegramError as error:
        return outcome_of(error)
    except FlotillaError as error:  # our keys do not open the token: says nothing about the bot
        logger.error("health check impossible: %s", error.message, extra={"bot_id": bot.id})
        return CheckOutcome(Health.NONE, detail=error.text)
    return _identified(answer, bot)


def _identified(answer: object, bot: Bot) -> CheckOutcome:
    """A sound answer names the very bot; another one's id means a foreign or broken server."""
    if not isinstance(answer, dict) or answer.get("id") != bot.telegram_bot_id:
        return CheckOutcome(Health.TRANSIENT, Cause.GARBAGE, detail=Text("getMe answered for another bot"))
    username = str(answer.get("username") or bot.username)[:32]
    return CheckOutcome(Health.GOOD, username=username, name=str(answer.get("first_name") or "")[:64])
