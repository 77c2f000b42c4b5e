"""Signed webhook: an HTTPS POST of JSON to a public address, no redirects, never to an address inside."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from models import Account, NotificationDestination
from services.alerts.notifications.messages import Message, Receipt
from services.core.errors import InvalidInput, NotDelivered, Unavailable
from services.core.i18n import Text
from services.core.setting_types import AppEnv
from services.core.url_safety import Target, resolve
from services.platform.platform import Platform
from services.queueing.pinned_http import exchange

SIGNATURE = "X-Flotilla-Signature"
TOTAL_SECONDS = 10.0
WORTH_REPEATING = {408, 425, 429}  # and everything from 500 on; any other answer but 2xx is final


@dataclass(frozen=True)
class Config:
    """What is sealed in the row: the address, which may hold a key of its own, and the signing secret."""

    url: str
    secret: str


def new_secret() -> str:
    """A fresh signing secret."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def seal(platform: Platform, destination_id: int, config: Config) -> str:
    """The sealed form of `config`, bound to the destination."""
    return platform.vault.seal(json.dumps(asdict(config)), owner=f"destination:{destination_id}")


def config_of(platform: Platform, destination: NotificationDestination) -> Config:
    """The opened configuration. Keep it out of everything that outlives the call."""
    opened = platform.vault.unseal(destination.sealed_config, owner=f"destination:{destination.id}")
    return Config(**json.loads(opened))


def allows_loopback(platform: Platform, account_id: int) -> bool:
    """Whether the account may address a receiver on this machine: in tests, and in development an admin."""
    if platform.settings.app_env is not AppEnv.DEV:
        return platform.settings.app_env is AppEnv.TEST
    with platform.database.reading() as session:
        account = session.get(Account, account_id)
        return account is not None and account.is_admin


def sign(secret: str, body: bytes, at: int) -> str:
    """The signature header: HMAC-SHA256 of "<at>.<body>" under `secret`, with `at` in Unix seconds."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def deliver(platform: Platform, destination: NotificationDestination, message: Message) -> Receipt:
    """POST `message`. Raises NotDelivered; an answer 3xx or 4xx is permanent (but 408, 425, 429), as is a refused address."""
    config = config_of(platform, destination)
    try:
        target = resolve(config.url, allow_loopback=allows_loopback(platform, destination.account_id))
    except Unavailable:  # the name may be known again later
        raise NotDelivered(Text("The name {host} cannot be resolved", host=_host(config.url))) from None
    except InvalidInput:
        raise NotDelivered(
            Text("{host} is no public https address", host=_host(config.url)), permanent=True
        ) from None
    body = json.dumps(message.as_json(), ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Host": target.host_header,
        "Content-Type": "application/json",
        "User-Agent": "Flotilla",
        "Idempotency-Key": message.key,
        SIGNATURE: sign(config.secret, body, int(time.time())),
    }
    status, retry_after = post(target, body, headers)
    if not 200 <= status < 300:
        permanent = status < 500 and status not in WORTH_REPEATING
        raise NotDelivered(_reason(status), permanent=permanent, retry_after=retry_after)
    return Receipt()


def post(target: Target, body: bytes, headers: dict[str, str]) -> tuple[int, float | None]:
    """Status and Retry-After (s) of a POST to the address that was checked; the certificate is that of the name.

    Raises NotDelivered. Of the answer only the head is read, and the whole takes TOTAL_SECONDS at most.
    """
    answered = exchange("POST", target, body, headers, seconds=TOTAL_SECONDS)
    return answered.status, answered.retry_after


def _reason(status: int) -> Text:
    if 300 <= status < 400:
        return Text(
            "The receiver answered with a redirect ({status}), which is not followed: enter the final address",
            status=status,
        )
    return Text("The receiver answered {status}", status=status)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
