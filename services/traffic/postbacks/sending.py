"""Sending what is due: claim, send without a transaction, write down what came of it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import exists, select

from models import DeliveryStatus, Postback, PostbackDelivery
from services.alerts.dead_letters.store import cause_of
from services.alerts.notifications.backoff import wait_seconds
from services.alerts.notifications.destinations.webhook import allows_loopback
from services.core.errors import InvalidInput, NotDelivered, Unavailable
from services.core.i18n import NO_TEXT, Text
from services.core.metrics import POSTBACKS
from services.core.redaction import HIDDEN, redact_text
from services.core.times import utc_now
from services.core.url_safety import resolve
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, wake
from services.queueing.pinned_http import Answered, exchange
from services.traffic.postbacks.claims import Claim, claim_due
from services.traffic.postbacks.drivers.driver import Network, Request, Unwanted
from services.traffic.postbacks.drivers.registry import DRIVERS
from services.traffic.postbacks.facts import EventFacts

logger = logging.getLogger(__name__)
CONCURRENCY: Final = 8
LONGEST_RUN_SECONDS: Final = 60.0
SEND_SECONDS: Final = 10.0
LARGEST_ANSWER: Final = 4096  # bytes of it that are read
LONGEST_ERROR: Final = 300  # characters of the column
DOORBELL: Final = "postbacks"
Clock = Callable[[], datetime]
Chance = Callable[[], float]


@dataclass(frozen=True)
class Attempt:
    """What came of one: the receiver's answer, None where there was none, and why it did not take the event, None if it did."""

    answer: Answered | None = None
    failure: NotDelivered | None = None


def owner_of(postback_id: int) -> str:
    """For whom a postback's secret is sealed."""
    return f"postback:{postback_id}"


def wake_if_due(platform: Platform) -> bool:
    """Ring for the sender when a delivery is due; True when a job was queued. Raises RedisError or Unavailable."""
    due = exists().where(
        PostbackDelivery.status == DeliveryStatus.PENDING, PostbackDelivery.next_attempt_at <= utc_now()
    )
    with platform.database.reading() as session:
        if not session.scalar(select(due)):
            return False
    return wake(platform.redis, platform.job_redis, JobName.SEND_POSTBACKS, DOORBELL)


def send_due(platform: Platform, *, clock: Clock = utc_now, chance: Chance = random.random) -> int:
    """Send everything that is due, eight at a time; how many arrived. Several workers may do so at once.

    Raises Unavailable when the database is away; whatever was claimed is due again two minutes later.
    """
    platform.redis.delete(keys.wakeup(DOORBELL, 0))
    deadline, arrived = time.monotonic() + LONGEST_RUN_SECONDS, 0
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="postback") as executor:
        while time.monotonic() < deadline:
            claims, looked_at = claim_due(platform, clock())
            if not looked_at:
                break
            arrived += sum(executor.map(lambda claim: _send(platform, claim, clock, chance), claims))
    return arrived


def _send(platform: Platform, claim: Claim, clock: Clock, chance: Chance) -> bool:
    try:
        result: Attempt | Unwanted = attempt(platform, claim.postback, claim.facts)
    except Unwanted as unwanted:
        result = unwanted
    except Exception as error:  # noqa: BLE001  # a fault of ours: this one waits, and the others go out
        # Without the error's own words, which may hold what an address keeps to itself.
        logger.error(
            "the %s driver broke down: %s, %s", claim.postback.driver, type(error).__name__, cause_of(error)
        )
        fault = Text("A fault on our side ({error}); the log knows more", error=type(error).__name__)
        result = Attempt(failure=NotDelivered(fault))
    _settle(platform, claim, result, clock(), chance())
    return isinstance(result, Attempt) and result.failure is None


def attempt(platform: Platform, postback: Postback, facts: EventFacts) -> Attempt:
    """Tell of an event once. Raises Unwanted where nothing is to be sent."""
    driver = DRIVERS[postback.driver]
    if driver.output is None:
        raise Unwanted(Text("This postback is a file to download"))
    secret = (
        platform.vault.unseal(postback.sealed_secret, owner=owner_of(postback.id))
        if postback.sealed_secret
        else ""
    )
    config = driver.config.model_validate(postback.config)
    request = driver.output(config, secret, facts, network_of(platform))
    try:
        answer = _answer(platform, postback.account_id, request)
    except NotDelivered as error:
        return Attempt(failure=error)
    if secret:  # networks repeat a token that they do not like
        answer = replace(answer, body=answer.body.replace(secret.encode(), HIDDEN.encode()))
    return Attempt(answer, driver.refusal(answer))


def network_of(platform: Platform) -> Network:
    """The networks' addresses, as set."""
    return Network(platform.settings.meta_api_url, platform.settings.tiktok_api_url)


def _answer(platform: Platform, account_id: int, request: Request) -> Answered:
    host = urlsplit(request.url).hostname or ""
    try:
        target = resolve(request.url, allow_loopback=allows_loopback(platform, account_id))
    except Unavailable:  # the name may be known again later
        raise NotDelivered(Text("The name {host} cannot be resolved", host=host)) from None
    except InvalidInput:
        raise NotDelivered(Text("{host} is no public https address", host=host), permanent=True) from None
    headers = {"Host": target.host_header, "User-Agent": "Flotilla", **request.headers}
    return exchange(request.method, target, request.body, headers, seconds=SEND_SECONDS, most=LARGEST_ANSWER)


def _settle(
    platform: Platform,
    claim: Claim,
    result: Attempt | Unwanted,
    now: datetime,
    chance: float,
) -> None:
    with platform.database.transaction() as session:
        row = session.get(PostbackDelivery, claim.delivery_id, with_for_update=True)
        # Unless this worker slept so long that another one has it.
        if row is None or row.status != DeliveryStatus.PENDING or row.attempts != claim.attempt:
            return
        postback = session.get_one(Postback, row.postback_id)
        if isinstance(result, Unwanted):
            row.status, row.last_error = DeliveryStatus.SKIPPED, result.text
            POSTBACKS.labels(postback.driver, "skipped").inc()
            return
        note_outcome(postback, result.failure, now)
        row.answer_status = result.answer.status if result.answer else None
        if result.failure is None:
            row.status, row.sent_at, row.last_error = DeliveryStatus.SENT, now, NO_TEXT
            POSTBACKS.labels(postback.driver, "sent").inc()
        else:
            _put_off(row, postback, result.failure, now, chance)


def _put_off(
    row: PostbackDelivery, postback: Postback, failure: NotDelivered, now: datetime, chance: float
) -> None:
    row.last_error = postback.last_error
    wait = None if failure.permanent else wait_seconds(row.attempts, chance, failure.retry_after)
    POSTBACKS.labels(postback.driver, "later" if wait is not None else "refused").inc()
    if wait is None:
        row.status = DeliveryStatus.FAILED
    else:
        row.next_attempt_at = now + timedelta(seconds=wait)


def note_outcome(postback: Postback, failure: NotDelivered | None, now: datetime) -> None:
    """Keep with the postback how the last attempt fared, for the panel."""
    if failure is None:
        postback.last_sent_at, postback.last_error = now, NO_TEXT
    else:
        postback.last_error = failure.text.changed(redact_text).fitting(LONGEST_ERROR)
        postback.last_error_at = now
