"""E-mail through the SMTP server of the settings, encrypted, with time-outs."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from urllib.parse import SplitResult, unquote, urlsplit

import certifi

from models import NotificationDestination
from services.alerts.notifications.messages import Message, Receipt
from services.core.addresses import is_this_machine
from services.core.errors import NotDelivered
from services.core.i18n import Text
from services.core.settings import Settings
from services.core.times import utc_now
from services.platform.platform import Platform

STEP_SECONDS = 10.0  # for each answer of the server


def deliver(platform: Platform, destination: NotificationDestination, message: Message) -> Receipt:
    """Send `message` as a text mail. Raises NotDelivered; an answer 5xx about sender, recipient or content is permanent."""
    url = urlsplit(platform.settings.smtp_url.get_secret_value())
    if not url.hostname:
        raise NotDelivered("No mail server is set: set SMTP_URL and SMTP_FROM", permanent=True)
    mail = compose(platform.settings.smtp_from, destination.address, message)
    try:
        server = _connected(url)
        try:
            server.send_message(mail)
        finally:
            _part(server)
    except smtplib.SMTPRecipientsRefused as error:
        code, _text = next(iter(error.recipients.values()))
        raise _refused(code) from None
    except smtplib.SMTPAuthenticationError as error:
        raise NotDelivered(
            Text("The mail server refused our sign-in ({status}): check SMTP_URL", status=error.smtp_code)
        ) from None
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(
            Text("The mail server did not take the message ({error})", error=type(error).__name__)
        ) from None
    return Receipt()


def sign_in(settings: Settings) -> None:
    """See whether the mail server of SMTP_URL lets us in; nothing is sent. Raises smtplib.SMTPException, OSError."""
    _part(_connected(urlsplit(settings.smtp_url.get_secret_value())))


def compose(sender: str, recipient: str, message: Message) -> EmailMessage:
    """The mail; its Message-ID is the same in every attempt, so that a mailbox can tell a repeated one.

    A mail cannot be changed: those of one incident refer to the same thread, and each tells all of it.
    """
    mail, domain = EmailMessage(), parseaddr(sender)[1].rpartition("@")[2] or "flotilla"
    mail["From"], mail["To"], mail["Subject"] = sender, recipient, message.subject()
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{message.key}@{domain}>"
    if message.events[0].incident:
        mail["References"] = f"<incident-{message.events[0].incident}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes in answer
    mail.set_content(message.text(utc_now()))
    return mail


def _connected(url: SplitResult) -> smtplib.SMTP:
    host, context = url.hostname or "", _context()
    if url.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=STEP_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, url.port or 587, timeout=STEP_SECONDS)
    try:
        if url.scheme == "smtp":
            _encrypt(server, host, context)
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
    except (smtplib.SMTPException, OSError):
        server.close()
        raise
    return server


def _part(server: smtplib.SMTP) -> None:
    """Take leave; the message is taken or refused by now, so nothing that happens here matters."""
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def _encrypt(server: smtplib.SMTP, host: str, context: ssl.SSLContext) -> None:
    server.ehlo()
    if is_this_machine(host) and not server.has_extn("starttls"):
        return  # a relay on this machine may do without
    server.starttls(context=context)


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _refused(code: int) -> NotDelivered:
    # The server's own words may name what is none of the reader's business; the number says enough.
    return NotDelivered(
        Text("The mail server refused the message ({status})", status=code), permanent=500 <= code < 600
    )
