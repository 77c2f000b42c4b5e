"""setWebhook, deleteWebhook and getWebhookInfo of a bot's program: where its updates are brought instead of being asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from models import Bot, BotWorker
from services.core.addresses import is_this_machine
from services.core.encryption import Vault
from services.core.errors import InvalidInput, Unavailable
from services.core.kafka_settings import Transport
from services.core.settings import Settings
from services.core.times import utc_now
from services.core.url_safety import Target, parse_target, resolve
from services.fleet.bots.signals import bot_changed
from services.fleet.bots.webhooks import ALLOWED_UPDATES, DEFAULT_CONNECTIONS
from services.fleet.workers.environment import owner_of
from services.fleet.workers.registry import KINDS
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.workers.giving import queue_of
from services.messaging.workers.said import Said, number_in, ok, refusal
from services.messaging.workers.webhooks.trouble import SERVICE, forget_trouble, trouble_of
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.heartbeats import lives

SECRET: Final = re.compile(r"[A-Za-z0-9_-]{0,256}")  # the Bot API's
MOST_CONNECTIONS: Final = 100  # the Bot API's
BY_WEBHOOK: Final = "webhook"  # in the place of the getUpdates that came last
POLLER_SECONDS: Final = 60
NO_CERTIFICATES: Final = "certificates of your own are not taken; the address needs one of a known authority"
NO_ADDRESS: Final = "ip_address is not taken; the name is resolved"


@dataclass(frozen=True)
class ProgramWebhook:
    """Where a program wants its updates. `updates` are the kinds of them, none for all that the bot gets."""

    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    connections: int = DEFAULT_CONNECTIONS
    updates: tuple[str, ...] = ()


def set_webhook(platform: Platform, worker: WorkerIdentity, params: Mapping[str, Any]) -> Said:
    """Have updates brought to the program's address from now on. Raises RedisError, Unavailable."""
    url = str(params.get("url") or "")
    if not url:
        return delete_webhook(platform, worker, params)
    try:
        _check_address(platform.settings, url)
        wanted = ProgramWebhook(url, _secret(params), _connections(params), ())
        changed = _write(platform, worker, wanted, _kinds(params))
    except InvalidInput as error:
        return refusal(400, f"Bad Request: bad webhook: {error.message}")
    platform.redis.set(work_keys.poller(worker.bot_id), BY_WEBHOOK, ex=POLLER_SECONDS)
    if _is_yes(params.get("drop_pending_updates")):
        queue_of(platform, worker).drop()
    return ok(True, "Webhook was set" if changed else "Webhook is already set")


def delete_webhook(platform: Platform, worker: WorkerIdentity, params: Mapping[str, Any]) -> Said:
    """Have updates wait for getUpdates again. Raises RedisError, Unavailable."""
    changed = _write(platform, worker, ProgramWebhook(), ()) if worker.has_webhook else False
    if _is_yes(params.get("drop_pending_updates")):
        queue_of(platform, worker).drop()
    return ok(True, "Webhook was deleted" if changed else "Webhook is already deleted")


def webhook_info(platform: Platform, worker: WorkerIdentity) -> Said:
    """What getWebhookInfo tells, as Telegram names it. Raises RedisError, Unavailable."""
    info: dict[str, Any] = {
        "url": "",
        "has_custom_certificate": False,
        "pending_update_count": queue_of(platform, worker).lag(),
    }
    if not worker.has_webhook:
        return ok(info)
    with platform.database.reading() as session:
        wanted = webhook_of(platform.vault, session.get_one(BotWorker, worker.bot_id))
    trouble = trouble_of(platform.redis, worker.bot_id)
    if not lives(platform, SERVICE):
        trouble = (utc_now().timestamp(), "No process `programs` runs here, which would bring the updates")
    if trouble is not None:
        info |= {"last_error_date": int(trouble[0]), "last_error_message": trouble[1]}
    return ok(
        {
            **info,
            "url": wanted.url,
            "max_connections": wanted.connections,
            "allowed_updates": list(wanted.updates),
        }
    )


def webhook_of(vault: Vault, row: BotWorker) -> ProgramWebhook:
    """The webhook of a worker, its secrets opened."""
    url, secret = (
        vault.unseal(sealed, owner=owner_of(row.bot_id)) if sealed else ""
        for sealed in (row.sealed_webhook_url, row.sealed_webhook_secret)
    )
    return ProgramWebhook(url, secret, row.webhook_connections, tuple(row.webhook_updates))


def checked_target(settings: Settings, url: str) -> Target:
    """Where the webhook is, by the guard's rules. Raises InvalidInput `url_refused`, Unavailable for a name nobody knows."""
    return resolve(url, allow_loopback=False, inside=settings.worker_webhook_networks)


def _check_address(settings: Settings, url: str) -> None:
    """Refuse what is no address outside, and our own: updates would go in a circle."""
    try:
        checked_target(settings, url)
    except Unavailable as error:
        raise InvalidInput(error.text) from None
    host, port, _, _ = parse_target(url, allow_loopback=True)
    known = map(urlsplit, (settings.public_url, settings.webhook_base_url, settings.worker_api_url))
    ours = {
        (one.hostname, one.port or (443 if one.scheme == "https" else 80)) for one in known if one.hostname
    }
    if (host.lower(), port) in ours or (is_this_machine(host) and port == settings.port):
        raise InvalidInput("This is the address of the installation itself")


def _secret(params: Mapping[str, Any]) -> str:
    if params.get("certificate"):
        raise InvalidInput(NO_CERTIFICATES)
    if params.get("ip_address"):
        raise InvalidInput(NO_ADDRESS)
    secret = str(params.get("secret_token") or "")
    if not SECRET.fullmatch(secret):
        raise InvalidInput("secret token contains unallowed characters or is longer than 256")
    return secret


def _connections(params: Mapping[str, Any]) -> int:
    wanted = number_in(params, "max_connections", DEFAULT_CONNECTIONS)
    return min(max(1, wanted), MOST_CONNECTIONS)


def _kinds(params: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The kinds that are asked for, of those that there are; None where nothing was said, and the former ones stay."""
    asked = params.get("allowed_updates")
    if isinstance(asked, str):
        try:
            asked = json.loads(asked)
        except (ValueError, RecursionError):
            asked = None
    if not isinstance(asked, list):
        return None
    return tuple(sorted({str(kind) for kind in asked} & ({*KINDS, *ALLOWED_UPDATES})))


def _is_yes(value: Any) -> bool:
    return str(value).lower() in ("true", "1", "yes")


def _write(
    platform: Platform, worker: WorkerIdentity, wanted: ProgramWebhook, kinds: tuple[str, ...] | None
) -> bool:
    """Keep what is wanted; False when it is so already. Kinds that the bot did not get yet it gets from now on."""
    with platform.database.transaction() as session:
        row = session.get_one(BotWorker, worker.bot_id, with_for_update=True)
        bot = session.get_one(Bot, worker.bot_id)
        if row.transport != Transport.REDIS:
            raise InvalidInput("This bot's updates go elsewhere; register it anew without that")
        former = webhook_of(platform.vault, row)
        wanted = replace(wanted, updates=former.updates if kinds is None else kinds)
        more = sorted({*bot.worker_updates, *(KINDS & set(wanted.updates))})
        if wanted == former and more == bot.worker_updates:
            return False
        _keep(platform.vault, row, wanted)
        bot.worker_updates = more
        kind = "worker_webhook_set" if wanted.url else "worker_webhook_deleted"
        program = Principal(bot.account_id, f"worker:{bot.id}")
        audit(session, program, kind, bot_id=bot.id, host=urlsplit(wanted.url).hostname or "")
    forget_trouble(platform.redis, worker.bot_id)
    bot_changed(platform, worker.bot_id)
    return True


def _keep(vault: Vault, row: BotWorker, wanted: ProgramWebhook) -> None:
    row.sealed_webhook_url, row.sealed_webhook_secret = (
        vault.seal(text, owner=owner_of(row.bot_id)) if text else "" for text in (wanted.url, wanted.secret)
    )
    row.webhook_connections, row.webhook_updates = wanted.connections, list(wanted.updates)
