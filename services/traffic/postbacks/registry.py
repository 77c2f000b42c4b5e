"""Postbacks of an account: made, changed, deleted, tried, and what became of deliveries."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models import (
    DeliveryStatus,
    Postback,
    PostbackDelivery,
    PostbackDriver,
    PostbackEvent,
    RedirectPool,
)
from services.alerts.notifications.destinations.webhook import allows_loopback, new_secret
from services.core.errors import Conflict, InvalidInput, NotFound, RateLimited, Unavailable
from services.core.i18n import Text
from services.core.redaction import redact_text
from services.core.times import utc_now
from services.core.url_safety import resolve
from services.core.validation_texts import reason_of
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned, owned
from services.platform.accounts.quotas import lock_account
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.pinned_http import Answered
from services.traffic.clicks.source import AD_IDS
from services.traffic.postbacks.drivers.driver import Unwanted
from services.traffic.postbacks.drivers.google.config import GoogleConfig
from services.traffic.postbacks.drivers.google.output import lines
from services.traffic.postbacks.drivers.registry import DRIVERS
from services.traffic.postbacks.drivers.url.config import MACRO
from services.traffic.postbacks.facts import UTM, EventFacts
from services.traffic.postbacks.fields import MAX_POSTBACKS, NewPostback, PostbackChange, TriedView
from services.traffic.postbacks.looking_up import conversions_between
from services.traffic.postbacks.sending import attempt, note_outcome, owner_of

TEST_SECONDS: Final = 10
FILE_SPAN: Final = timedelta(days=30)
LONGEST_SHOWN: Final = 1000  # characters of an answer


def create_postback(platform: Platform, caller: Principal, new: NewPostback) -> tuple[Postback, str]:
    """A new postback, and a webhook's signing secret, which is shown this once.

    Raises InvalidInput for a configuration that its driver does not understand, NotFound for a pool that is not the caller's,
    Conflict `quota_exceeded`.
    """
    driver = DRIVERS[new.driver]
    config = _checked(new.driver, new.config)
    secret = new_secret() if driver.makes_secret else new.secret or ""
    if driver.needs_secret and not secret:
        raise InvalidInput("This network needs an access token", code="secret_needed", field="secret")
    _check_url(platform, caller.account_id, config)
    with platform.database.transaction() as session:
        _make_room(session, caller.account_id)
        _check_pools(session, caller, caller.account_id, new.pool_ids)
        row = Postback(
            account_id=caller.account_id,
            driver=new.driver,
            name=new.name,
            events=_events(new.events),
            goals=sorted(set(new.goals)),
            pool_ids=sorted(set(new.pool_ids)),
            config=config,
        )
        session.add(row)
        session.flush()  # the secret is sealed for the id
        if secret:
            row.sealed_secret = platform.vault.seal(secret, owner=owner_of(row.id))
        audit(session, caller, "postback_created", postback=row.id, driver=row.driver)
    return row, secret if driver.makes_secret else ""


def list_postbacks(
    platform: Platform, caller: Principal, *, after: int = 0, limit: int = 200
) -> Sequence[Postback]:
    """The caller's postbacks, oldest first, with an id above `after`."""
    query = owned(caller, Postback).where(Postback.id > after)
    with platform.database.reading() as session:
        return session.scalars(query.order_by(Postback.id).limit(limit)).all()


def get_postback(platform: Platform, caller: Principal, postback_id: int) -> Postback:
    """One postback of the caller; NotFound otherwise."""
    with looking(platform, caller) as session:
        return get_owned(session, caller, Postback, postback_id)


def change_postback(
    platform: Platform, caller: Principal, postback_id: int, change: PostbackChange
) -> Postback:
    """Change what the body names; pools that are not there any more may stay. Raises as `create_postback` does."""
    known = get_postback(platform, caller, postback_id)
    config = None if change.config is None else _checked(known.driver, change.config)
    if config is not None and config.get("url") != known.config.get("url"):
        _check_url(platform, known.account_id, config)
    with platform.database.transaction() as session:
        row = get_owned(session, caller, Postback, postback_id)
        if change.name is not None:
            row.name = change.name
        if change.is_enabled is not None:
            row.is_enabled = change.is_enabled
        if config is not None:
            row.config = config
        if change.secret is not None:
            row.sealed_secret = platform.vault.seal(change.secret, owner=owner_of(row.id))
        _set_filter(session, caller, row, change)
        audit(session, caller, "postback_changed", account_id=row.account_id, postback=row.id)
    return row


def _set_filter(session: Session, caller: Principal, row: Postback, change: PostbackChange) -> None:
    if change.events is not None:
        row.events = _events(change.events)
    if change.goals is not None:
        row.goals = sorted(set(change.goals))
    if change.pool_ids is not None:
        _check_pools(session, caller, row.account_id, set(change.pool_ids) - set(row.pool_ids))
        row.pool_ids = sorted(set(change.pool_ids))


def delete_postback(platform: Platform, caller: Principal, postback_id: int) -> None:
    """Delete a postback and what was on its way."""
    with platform.database.transaction() as session:
        row = get_owned(session, caller, Postback, postback_id)
        audit(session, caller, "postback_deleted", account_id=row.account_id, postback=row.id)
        session.delete(row)


def deliveries_of(
    platform: Platform, caller: Principal, postback_id: int, *, before: int = 0, limit: int = 50
) -> Sequence[PostbackDelivery]:
    """The newest deliveries of a postback, newest first, from below the id `before` on (0: the newest)."""
    with looking(platform, caller) as session:
        row = get_owned(session, caller, Postback, postback_id)
        query = select(PostbackDelivery).where(PostbackDelivery.postback_id == row.id)
        if before:
            query = query.where(PostbackDelivery.id < before)
        return session.scalars(query.order_by(PostbackDelivery.id.desc()).limit(limit)).all()


def repeat_given_up(platform: Platform, caller: Principal, postback_id: int) -> int:
    """Send again what was given up, as after a wrong address or an access token that had expired; how many deliveries.

    Each keeps its event id, by which the receiver knows what it took already.
    """
    with platform.database.transaction() as session:
        row = get_owned(session, caller, Postback, postback_id)
        given_up = (PostbackDelivery.postback_id == row.id, PostbackDelivery.status == DeliveryStatus.FAILED)
        again = {"status": DeliveryStatus.PENDING, "attempts": 0, "next_attempt_at": utc_now()}
        done: Any = session.execute(
            update(PostbackDelivery)
            .where(*given_up)
            .values(again)
            .execution_options(synchronize_session=False)
        )
        audit(session, caller, "postback_repeated", account_id=row.account_id, postback=row.id)
    return int(done.rowcount)


def try_postback(platform: Platform, caller: Principal, postback_id: int) -> TriedView:
    """Tell of a made-up event now. Conflict `test_code_needed` where the network would count it, RateLimited when the last
    test was just made.
    """
    row = get_postback(platform, caller, postback_id)
    driver = DRIVERS[row.driver]
    if driver.tests_by_code and not row.config.get("test_event_code"):
        raise Conflict(
            "Enter the network's test code first: without it the test would count as a real event",
            code="test_code_needed",
        )
    if not platform.redis.set(keys.recent_test(f"postback:{row.id}"), "1", nx=True, ex=TEST_SECONDS):
        raise RateLimited("Wait ten seconds between tests", retry_after=TEST_SECONDS)
    try:
        result = attempt(platform, row, sample())
    except Unwanted as unwanted:
        return _tried(None, unwanted.text, permanent=True)
    failure = result.failure
    with platform.database.transaction() as session:
        present = get_owned(session, caller, Postback, postback_id)
        note_outcome(present, failure, utc_now())
        audit(session, caller, "postback_tested", account_id=row.account_id, postback=row.id)
    return _tried(
        result.answer, failure.text if failure else None, permanent=bool(failure and failure.permanent)
    )


def _tried(answer: Answered | None, error: Text | None, *, permanent: bool) -> TriedView:
    """A refusal's answer too, which says best what is wrong."""
    body = answer.body.decode(errors="replace") if answer else ""
    return {
        "delivered": error is None,
        "status": answer.status if answer else None,
        "answer": redact_text(body)[:LONGEST_SHOWN],
        "error": error and error.changed(redact_text),
        "permanent": permanent,
    }


def sample() -> EventFacts:
    """A made-up purchase, named so that nobody takes it for one."""
    now, mark = utc_now(), secrets.token_hex(4)
    return EventFacts(
        event=PostbackEvent.GOAL,
        event_id=f"test:{mark}",
        at=now,
        click_id="testclick000",
        clicked_at=now,
        params={name: f"test-{name}" for name in (*UTM, *AD_IDS)},
        goal="purchase",
        amount_micros=9_900_000,
        currency="BRL",
        person="0" * 64,
        bot="test_bot",
        pool="Test",
        source="test",
        country="BR",
        device="phone",
    )


def conversions_file(
    platform: Platform, caller: Principal, postback_id: int, begin: datetime | None, end: datetime | None
) -> list[str]:
    """The lines of a Google postback's file: its goals from `begin` to `end`, by default of the last 30 days. NotFound for one of another kind."""
    row = get_postback(platform, caller, postback_id)
    if row.driver != PostbackDriver.GOOGLE:
        raise NotFound("This postback is sent, and no file", code="postback_not_found")
    with platform.database.reading() as session:
        until = end or utc_now()
        since = begin or until - FILE_SPAN
        found = conversions_between(session, row.account_id, since, until, row.goals, row.pool_ids)
        return list(lines(GoogleConfig.model_validate(row.config), found))


def _checked(driver: str, config: dict[str, Any]) -> dict[str, Any]:
    try:
        return DRIVERS[driver].config.model_validate(config).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(("config", *(str(part) for part in first["loc"])))
        raise InvalidInput(reason_of(first), field=field) from None


def _check_url(platform: Platform, account_id: int, config: dict[str, Any]) -> None:
    """Refuse a wrong or inner address at once; each delivery looks again. Not inside a transaction: it asks the DNS."""
    if "url" not in config:
        return
    try:
        resolve(MACRO.sub("x", config["url"]), allow_loopback=allows_loopback(platform, account_id))
    except Unavailable as error:
        raise InvalidInput(error.text, code="url_unknown", field="config.url") from None
    except InvalidInput as error:
        raise InvalidInput(error.text, code=error.code, field="config.url") from None


def _events(events: Sequence[PostbackEvent]) -> list[str]:
    return [str(event) for event in PostbackEvent if event in events]


def _check_pools(session: Session, caller: Principal, account_id: int, pool_ids: Collection[int]) -> None:
    for pool_id in pool_ids:
        if get_owned(session, caller, RedirectPool, pool_id).account_id != account_id:
            raise NotFound("There is no such pool", code="pool_not_found")


def _make_room(session: Session, account_id: int) -> None:
    lock_account(session, account_id)
    query = select(func.count()).select_from(Postback).where(Postback.account_id == account_id)
    if (session.scalar(query) or 0) >= MAX_POSTBACKS:
        raise Conflict(
            Text("An account has at most {most} of these: delete one first", most=MAX_POSTBACKS),
            code="quota_exceeded",
        )
