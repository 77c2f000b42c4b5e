"""The destinations of an account: add, list, change, delete, try. Secrets are shown once, when they are made."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from models import (
    Account,
    Bot,
    DestinationKind,
    NotificationDelivery,
    NotificationDestination,
    RedirectPool,
)
from services.alerts.notifications.claims import Claim
from services.alerts.notifications.destinations import webhook
from services.alerts.notifications.fields import (
    MAX_NAME,
    NewDestination,
    Quiet,
    Rule,
    checked_chat,
    checked_mailbox,
    checked_quiet,
    checked_rules,
)
from services.alerts.notifications.linking import new_code, new_reserve_code
from services.alerts.notifications.messages import make_test
from services.alerts.notifications.senders import chosen_bot, set_reserve, set_sender
from services.alerts.notifications.sending import attempt, note_outcome
from services.core.errors import Conflict, InvalidInput, NotDelivered, NotFound, RateLimited, Unavailable
from services.core.times import utc_now
from services.core.url_safety import resolve
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned, owned
from services.platform.accounts.quotas import Quota, make_room
from services.platform.platform import Platform
from services.platform.redis import keys

TEST_SECONDS: Final = 10


@dataclass(frozen=True)
class Made:
    """A destination and what is shown of it only now: the signing secret, or the code that links a chat."""

    destination: NotificationDestination
    secret: str = ""
    link_code: str = ""
    bot_username: str = ""
    reserve_code: str = ""
    reserve_username: str = ""


def create_destination(platform: Platform, caller: Principal, new: NewDestination) -> Made:
    """Add a destination. Raises InvalidInput, Conflict `quota_exceeded`, or NotFound for a bot or pool that is not the caller's."""
    row = _checked_row(platform, caller, new)
    with platform.database.transaction() as session:
        make_room(session, platform.settings, caller.account_id, Quota.DESTINATIONS)
        row.account_id = caller.account_id
        if new.bot_id is not None:
            row.bot_id = chosen_bot(session, caller, caller.account_id, new.bot_id).id
        reserve_code = ""
        if new.reserve_bot_id is not None:
            reserve_code = set_reserve(session, caller, row, new.reserve_bot_id)
        _set_rules(session, caller, row, new.rules)
        session.add(row)
        session.flush()  # the secret is sealed for the id
        secret = _sealed_webhook(platform, row, new.url) if new.url else ""
        linked = row.kind != DestinationKind.TELEGRAM or bool(row.address)
        code = "" if linked else new_code(row)
        audit(session, caller, "destination_created", destination=row.id, destination_kind=row.kind)
        return _made(session, row, secret, code, reserve_code)


def list_destinations(
    platform: Platform, caller: Principal, *, after: int = 0, limit: int = 200
) -> Sequence[NotificationDestination]:
    """The caller's destinations with an id above `after`, oldest first, with their rules."""
    query = owned(caller, NotificationDestination).where(NotificationDestination.id > after)
    with platform.database.reading() as session:
        return session.scalars(
            query.options(selectinload(NotificationDestination.rules))
            .order_by(NotificationDestination.id)
            .limit(limit)
        ).all()


def get_destination(platform: Platform, caller: Principal, destination_id: int) -> NotificationDestination:
    """One destination of the caller with its rules; NotFound otherwise."""
    with looking(platform, caller) as session:
        return _found(session, caller, destination_id)


def update_destination(
    platform: Platform,
    caller: Principal,
    destination_id: int,
    *,
    name: str | None = None,
    is_enabled: bool | None = None,
    address: str | None = None,
    url: str | None = None,
    quiet: Quiet | None = None,
    no_quiet: bool = False,
    rules: tuple[Rule, ...] | None = None,
    bot_id: int | str | None = None,
    reserve_bot_id: int | str | None = None,
    no_reserve: bool = False,
) -> Made:
    """Change what is not None; `no_quiet` ends the quiet hours, empty `rules` mean everything. A webhook keeps its secret.

    Another bot, or one that stands in, has to be started by the chat: by the codes in the answer.
    """
    if url is not None:
        _check_url(platform, caller, url)
    with platform.database.transaction() as session:
        row = _found(session, caller, destination_id)
        row.name = row.name if name is None else name[:MAX_NAME]
        row.is_enabled = row.is_enabled if is_enabled is None else is_enabled
        if address is not None:
            _set_address(row, address)
        if url is not None:
            _set_url(platform, row, url)
        if quiet is not None or no_quiet:
            _set_quiet(row, quiet)
        if rules is not None:
            _set_rules(session, caller, row, rules)
        code = set_sender(session, caller, row, bot_id) if bot_id is not None else ""
        reserve_code = ""
        if reserve_bot_id is not None or no_reserve:
            reserve_code = set_reserve(session, caller, row, reserve_bot_id)
        audit(session, caller, "destination_changed", account_id=row.account_id, destination=row.id)
        return _made(session, row, "", code, reserve_code)


def delete_destination(platform: Platform, caller: Principal, destination_id: int) -> None:
    """Remove the destination and what was still on its way to it."""
    with platform.database.transaction() as session:
        row = _found(session, caller, destination_id)
        audit(session, caller, "destination_deleted", account_id=row.account_id, destination=row.id)
        session.delete(row)


def renew_secret(platform: Platform, caller: Principal, destination_id: int) -> Made:
    """A new signing secret for a webhook, or a new code for a Telegram chat; the former is void at once."""
    with platform.database.transaction() as session:
        row = _found(session, caller, destination_id)
        audit(session, caller, "destination_secret_renewed", account_id=row.account_id, destination=row.id)
        if row.kind == DestinationKind.WEBHOOK:
            return Made(row, _sealed_webhook(platform, row, webhook.config_of(platform, row).url))
        if row.kind == DestinationKind.TELEGRAM and row.bot_id is not None:
            waits = row.reserve_bot_id is not None and not row.reserve_linked
            return _made(session, row, "", new_code(row), new_reserve_code(row) if waits else "")
        raise InvalidInput("This destination has no secret", code="no_secret")


def try_destination(platform: Platform, caller: Principal, destination_id: int) -> NotDelivered | None:
    """Send a test message now; why it did not arrive, or None. RateLimited when the last test was just made."""
    row = get_destination(platform, caller, destination_id)
    if not row.address:
        raise Conflict("First link the chat: send the code to the bot", code="not_linked")
    if not platform.redis.set(keys.recent_test(f"destination:{row.id}"), "1", nx=True, ex=TEST_SECONDS):
        raise RateLimited("Wait ten seconds between tests", retry_after=TEST_SECONDS)
    with platform.database.reading() as session:
        locale = session.get_one(Account, row.account_id).language
    message = make_test(f"msg_{secrets.token_hex(12)}", locale, utc_now())
    result = attempt(platform, Claim(row, message, (), 1))
    with platform.database.transaction() as session:
        present = session.get(NotificationDestination, row.id)
        if present is not None:
            note_outcome(present, result, utc_now())
    return result if isinstance(result, NotDelivered) else None


def deliveries(
    platform: Platform, caller: Principal, destination_id: int, *, limit: int = 50
) -> Sequence[NotificationDelivery]:
    """The newest deliveries to a destination of the caller, newest first, with their notifications."""
    with looking(platform, caller) as session:
        row = _found(session, caller, destination_id)
        return session.scalars(
            select(NotificationDelivery)
            .where(NotificationDelivery.destination_id == row.id)
            .options(joinedload(NotificationDelivery.notification))
            .order_by(NotificationDelivery.id.desc())
            .limit(limit)
        ).all()


def _made(session: Session, row: NotificationDestination, secret: str, code: str, reserve_code: str) -> Made:
    def name(bot_id: int | None) -> str:
        return session.get_one(Bot, bot_id).username if bot_id is not None else ""

    return Made(row, secret, code, name(row.bot_id), reserve_code, name(row.reserve_bot_id))


def _found(session: Session, caller: Principal, destination_id: int) -> NotificationDestination:
    row = get_owned(session, caller, NotificationDestination, destination_id)
    _ = row.rules  # so that it can be described after its session
    return row


def _checked_row(platform: Platform, caller: Principal, new: NewDestination) -> NotificationDestination:
    row = NotificationDestination(kind=new.kind, name=new.name[:MAX_NAME], address="")
    _set_quiet(row, new.quiet)
    if new.kind == DestinationKind.WEBHOOK:
        _check_url(platform, caller, new.url)
    elif new.kind == DestinationKind.EMAIL:
        if not platform.settings.smtp_url.get_secret_value():
            raise InvalidInput(
                "This installation sends no e-mail: set SMTP_URL and SMTP_FROM", code="email_unavailable"
            )
        row.address = checked_mailbox(new.address)
    elif new.kind == DestinationKind.TELEGRAM:
        row.address = checked_chat(new.address)
        _check_sender(platform, new)
    else:
        raise InvalidInput("kind is telegram, email or webhook", code="kind_unknown", field="kind")
    return row


def _check_sender(platform: Platform, new: NewDestination) -> None:
    if new.bot_id is not None:
        return
    if not platform.settings.manager_bot_token.get_secret_value():
        raise InvalidInput("Choose the bot that sends", code="bot_needed", field="bot_id")
    if not new.address:
        raise InvalidInput("The manager bot needs the chat id", code="chat_needed", field="address")


def _set_address(row: NotificationDestination, address: str) -> None:
    if row.kind == DestinationKind.WEBHOOK:
        raise InvalidInput("A webhook has a url, no address", field="address")
    row.address = checked_mailbox(address) if row.kind == DestinationKind.EMAIL else checked_chat(address)


def _set_url(platform: Platform, row: NotificationDestination, url: str) -> None:
    if row.kind != DestinationKind.WEBHOOK:
        raise InvalidInput("Only a webhook has a url", field="url")
    secret = webhook.config_of(platform, row).secret
    row.sealed_config = webhook.seal(platform, row.id, webhook.Config(url, secret))
    row.address = _shown(url)


def _check_url(platform: Platform, caller: Principal, url: str) -> None:
    """Refuse a wrong or inner address at once; each delivery looks again. Not inside a transaction: it asks the DNS."""
    try:
        resolve(url, allow_loopback=webhook.allows_loopback(platform, caller.account_id))
    except Unavailable as error:
        raise InvalidInput(error.text, code="url_unknown", field="url") from None


def _sealed_webhook(platform: Platform, row: NotificationDestination, url: str) -> str:
    secret = webhook.new_secret()
    row.sealed_config = webhook.seal(platform, row.id, webhook.Config(url, secret))
    row.address = _shown(url)
    return secret


def _shown(url: str) -> str:
    """Scheme and host: the rest of the address may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"[:254]


def _set_quiet(row: NotificationDestination, quiet: Quiet | None) -> None:
    if quiet is None:
        row.quiet_from = row.quiet_until = ""
        return
    checked = checked_quiet(quiet)
    row.quiet_from, row.quiet_until = checked.begin, checked.end
    row.time_zone, row.critical_passes = checked.time_zone, checked.critical_passes


def _set_rules(
    session: Session, caller: Principal, row: NotificationDestination, rules: tuple[Rule, ...]
) -> None:
    for rule in checked_rules(rules):
        if rule.pool_id is not None:
            pool = get_owned(session, caller, RedirectPool, rule.pool_id)
            if pool.account_id != (row.account_id or caller.account_id):
                raise NotFound("There is no such pool", code="pool_not_found")
    row.rules = [rule.row() for rule in rules]
