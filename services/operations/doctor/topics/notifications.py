"""Whether alarms reach somebody."""

from __future__ import annotations

import smtplib
import ssl
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import select

from models import Account, DeliveryStatus, NotificationDelivery, NotificationDestination, SecondFactor
from services.alerts.notifications.destinations.email import sign_in
from services.core.i18n import Text
from services.core.times import utc_now
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts

warning = partial(check, Topic.NOTIFICATIONS, Severity.WARNING)
error = partial(check, Topic.NOTIFICATIONS, Severity.ERROR)
LATE: Final = timedelta(minutes=15)


@error(
    why=Text("E-mails about lost bots do not go out."),
    advice=Text("See host, port, user and password in SMTP_URL. No mail was sent for this check."),
)
def mail_server_refuses(facts: Facts) -> Text | None:
    """The mail server lets us in."""
    if not facts.settings.smtp_url.get_secret_value():
        raise NotApplicable
    try:
        sign_in(facts.settings)
    except smtplib.SMTPAuthenticationError as failed:
        return Text("It refuses user or password ({code})", code=failed.smtp_code)
    except ssl.SSLError as failed:
        return Text("Its certificate is refused: {reason}", reason=failed.reason or "")
    except (smtplib.SMTPException, OSError) as failed:
        return Text("It does not answer: {kind}", kind=type(failed).__name__)
    return None


@warning(
    why=Text("Nobody hears that bots are lost unless they look into the panel."),
    advice=Text("Add a destination under *Notifications*: Telegram, e-mail or a webhook, and send a test."),
)
def alarms_reach_nobody(facts: Facts) -> Text | None:
    """An administrator hears of alarms outside of the panel."""
    if not facts.is_served:
        raise NotApplicable
    with facts.platform.database.reading() as session:
        enabled = select(NotificationDestination.id).join(
            Account, Account.id == NotificationDestination.account_id
        )
        found = session.scalar(enabled.where(NotificationDestination.is_enabled, Account.is_admin).limit(1))
    return None if found else Text("No administrator has a destination")


@warning(
    why=Text("What should be told there is told nowhere."),
    advice=Text("Send a test under *Notifications*, and see the reason beside the destination."),
)
def destination_refuses(facts: Facts) -> Text | None:
    """Every destination takes what it is sent."""
    with facts.platform.database.reading() as session:
        wanted = select(NotificationDestination).where(
            NotificationDestination.is_refused, NotificationDestination.is_enabled
        )
        found = session.scalars(wanted.order_by(NotificationDestination.id)).all()
    return (
        Text("{n} refuse, “{name}” among them", n=len(found), name=found[0].name or str(found[0].id))
        if found
        else None
    )


@warning(
    why=Text("News of lost bots comes too late to act on."),
    advice=Text("See whether workers run, and the reason beside the destination."),
)
def notifications_late(facts: Facts) -> Text | None:
    """Notifications go out in time."""
    with facts.platform.database.reading() as session:
        late = select(NotificationDelivery.id).where(
            NotificationDelivery.status == DeliveryStatus.PENDING,
            NotificationDelivery.next_attempt_at < utc_now() - LATE,
        )
        found = len(session.scalars(late.limit(1000)).all())
    return Text("{n} are overdue", n=found) if found else None


@error(
    why=Text("Nobody can make accounts or see the condition of the installation."),
    advice=Text("flask --app wsgi accounts create EMAIL --admin"),
)
def no_administrator(facts: Facts) -> Text | None:
    """Somebody administers the installation."""
    with facts.platform.database.reading() as session:
        found = session.scalar(select(Account.id).where(Account.is_admin, Account.is_active).limit(1))
    return None if found else Text("There is no active admin")


@warning(
    why=Text("A stolen password alone then opens every account."),
    advice=Text("Set REQUIRE_TOTP_FOR_ADMINS=on: who has none sets it up at the next sign-in."),
)
def administrator_with_password_alone(facts: Facts) -> Text | None:
    """Administrators sign in with two steps."""
    if not facts.is_served or facts.settings.require_totp_for_admins:
        raise NotApplicable
    with facts.platform.database.reading() as session:
        secured = select(SecondFactor.account_id).where(SecondFactor.enabled_at.is_not(None))
        open_ones = select(Account.email).where(
            Account.is_admin, Account.is_active, Account.id.not_in(secured)
        )
        found = session.scalars(open_ones.order_by(Account.id)).all()
    return Text("{n} admins have no second step", n=len(found)) if found else None
