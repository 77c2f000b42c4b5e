"""setWebhook, deleteWebhook, getWebhookInfo with Telegram's checks and words."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tools.sandbox.addresses import is_near
from tools.sandbox.errors import bad_request, too_many_requests
from tools.sandbox.inbox import KINDS, Inbox
from tools.sandbox.methods.reply import Described
from tools.sandbox.model import Bot, Json, Webhook
from tools.sandbox.params import Params
from tools.sandbox.world import World

PORTS = (80, 88, 443, 8443)
SECRET = re.compile(r"[A-Za-z0-9_-]*")
SECRET_LIMIT = 256
MAX_CONNECTIONS = 100
DEFAULT_CONNECTIONS = 40
"""All from Bot API: setWebhook."""
CHANGES_PER_SECOND = 1.0


def set_webhook(world: World, bot: Bot, params: Params) -> Described:
    """Set, change or (empty url) remove the webhook."""
    url = params.text("url").strip()
    if not url:
        return delete_webhook(world, bot, params)
    hook = _read(world, url, params)
    apply_allowed_updates(bot.inbox, params)
    if params.flag("drop_pending_updates"):
        bot.inbox.clear()
    if bot.webhook is not None and bot.webhook.same_as(hook):
        if params.flag("drop_pending_updates"):
            world.on_bot_changed(bot)
        return Described(True, "Webhook is already set")
    _slow_down(world, bot)
    bot.webhook = hook
    bot.inbox.wake()
    world.on_bot_changed(bot)
    return Described(True, "Webhook was set")


def _slow_down(world: World, bot: Bot) -> None:
    now = world.clock.now()
    if bot.strict and now - bot.webhook_set_at < CHANGES_PER_SECOND:
        raise too_many_requests(1)
    bot.webhook_set_at = now


def _read(world: World, url: str, params: Params) -> Webhook:
    check_url(url, world.settings.allow_hosts)
    secret = params.text("secret_token")
    if len(secret) > SECRET_LIMIT:
        raise bad_request("secret token is too long")
    if not SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    connections = params.integer("max_connections", DEFAULT_CONNECTIONS) or DEFAULT_CONNECTIONS
    return Webhook(url, secret, max(1, min(connections, MAX_CONNECTIONS)), params.text("ip_address"))


def check_url(url: str, near_hosts: frozenset[str]) -> None:
    """Telegram's rules; for loopback and allowed hosts http and every port pass. ApiError 400."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise bad_request("bad webhook: invalid webhook URL specified") from None
    if not host:
        raise bad_request("bad webhook: invalid webhook URL specified")
    near = is_near(host, near_hosts)
    if parts.scheme != "https" and not (near and parts.scheme == "http"):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not near and (port or 443) not in PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


def apply_allowed_updates(inbox: Inbox, params: Params) -> None:
    """Change the filter if the call names one: omitted keeps the former, an empty list is the default."""
    if "allowed_updates" not in params:
        return
    wanted = params.structure("allowed_updates", "can't parse allowed updates JSON array")
    if wanted is None:
        return
    if not isinstance(wanted, list):
        raise bad_request("can't parse allowed updates: Array expected")
    known = frozenset(str(kind) for kind in wanted) & KINDS
    inbox.allowed = known or None


def delete_webhook(world: World, bot: Bot, params: Params) -> Described:
    """Remove the webhook; pending updates stay unless they are to be dropped."""
    if params.flag("drop_pending_updates"):
        bot.inbox.clear()
    if bot.webhook is None:
        return Described(True, "Webhook is already deleted")
    bot.webhook = None
    world.on_bot_changed(bot)
    return Described(True, "Webhook was deleted")


def get_webhook_info(world: World, bot: Bot, _params: Params) -> Json:
    """State of the webhook; the secret is never told."""
    world.stats.updates_expired += bot.inbox.expire(world.clock.now())
    hook = bot.webhook
    info: Json = {
        "url": hook.url if hook else "",
        "has_custom_certificate": False,
        "pending_update_count": len(bot.inbox.entries),
    }
    if hook:
        info["max_connections"] = hook.max_connections
        info["ip_address"] = hook.ip_address or "127.0.0.1"
        if hook.last_error_date:
            info["last_error_date"] = hook.last_error_date
            info["last_error_message"] = hook.last_error_message
    if bot.inbox.allowed is not None:
        info["allowed_updates"] = sorted(bot.inbox.allowed)
    return info
