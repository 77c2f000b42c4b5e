"""A tenant: an account with everything it can own, made over the API as its owner would."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from services.fleet.bots.webhook_secret import webhook_secret
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.api_keys import create_key
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.attack.client import Client
from tools.chaos.telegram import Telegram

FIRST_PERSON, PERSONS = 6_900_000_000, 50  # people who write to the bots
PLUGINS = [
    {"name": "start", "config": {"welcome_message": "Oi {first_name}"}},
    {"name": "echo", "config": {"echo_all": True}},
]


@dataclass
class BotOfTenant:
    """A bot's row and its identity at Telegram."""

    row: int
    username: str
    token: str
    path: str = ""  # of its webhook; empty for one that polls
    secret: str = ""


@dataclass
class Tenant:
    """An account, its credentials and what it owns; `ids` are by the names of URL variables."""

    name: str
    email: str
    password: str
    account: int
    key: str
    bot: BotOfTenant
    poller: BotOfTenant
    slug: str
    canary: str  # stands in the names of everything it owns
    telegram: Telegram
    ids: dict[str, str] = field(default_factory=dict)
    signing_secret: str = ""  # of its notification webhook
    destination_path: str = ""  # of that webhook's address, which is a secret too

    def add_bot(self, platform: Platform, client: Client, mode: str) -> BotOfTenant:
        """Register a new bot over the API."""
        return _bot(platform, self.telegram, client, mode)

    def webhook_is_set(self) -> bool:
        """Whether Telegram knows where to deliver the bot's updates."""
        return bool(self.telegram.get(f"/bots/{self.bot.username}")["bot"]["webhook_url"])


def settle(platform: Platform, telegram: Telegram, port: int, name: str) -> Tenant:
    """Make an account, and over the API bots, a pool, an experiment, a destination and a key."""
    password, email = secrets.token_urlsafe(16), f"{name}@example.org"
    account = create_account(platform, email, password, actor="attack")
    _, key = create_key(platform, command_principal(account))
    client = Client(port, Authorization=f"Bearer {key}")
    bots = [_bot(platform, telegram, client, mode) for mode in ("webhook", "polling")]
    tenant = Tenant(
        name, email, password, account.id, key, bots[0], bots[1], f"{name}{secrets.token_hex(3)}",
        f"canary{secrets.token_hex(6)}", telegram,
    )  # fmt: skip
    furnish(tenant, client)
    return tenant


def furnish(tenant: Tenant, client: Client) -> None:
    """Make what the bots serve: a pool with both, an experiment, a destination, a second key; note their ids."""
    name = f"{tenant.name} {tenant.canary}"
    pool = made(client, "/api/v1/redirect-pools", {"name": name, "slug": tenant.slug})
    for bot in (tenant.bot, tenant.poller):
        made(client, f"/api/v1/redirect-pools/{pool['id']}/bots", {"bot_id": bot.row})
    other = made(client, "/api/v1/redirect-pools", {"name": f"other {name}", "slug": f"{tenant.slug}-b"})
    arms = [{"pool_id": each["id"], "percent": 50} for each in (pool, other)]
    experiment = made(client, "/api/v1/experiments", {"name": name, "pool_id": pool["id"], "arms": arms})
    tenant.destination_path = secrets.token_hex(12)
    url = (
        f"https://[2d00::1]/{tenant.destination_path}"  # of a block that nobody has, and nothing is ever sent
    )
    destination = made(
        client,
        "/api/v1/notification-destinations",
        {"kind": "webhook", "name": name, "url": url, "rules": [{"kind": "webhook_stolen"}]},
    )
    key = made(client, "/api/v1/keys", {"name": name, "scopes": ["read"]})
    tenant.signing_secret = destination.get("secret", "")
    tenant.ids = {
        "bot_id": str(tenant.bot.row),
        "pool_id": str(pool["id"]),
        "experiment_id": str(experiment["id"]),
        "destination_id": str(destination["id"]),
        "key_id": str(key["id"]),
    }


def made(client: Client, path: str, value: Any) -> dict[str, Any]:
    """POST what must succeed; its answer. RuntimeError otherwise."""
    answer = client.post_json(path, value)
    if answer.status not in (200, 201):
        raise RuntimeError(f"POST {path} -> {answer.status}: {answer.text[:300]}")
    return dict(answer.json())


def _bot(platform: Platform, telegram: Telegram, client: Client, mode: str) -> BotOfTenant:
    identity = telegram.post("/bots")["bots"][0]
    row = made(client, "/api/v1/bots", {"token": identity["token"], "mode": mode, "plugins": PLUGINS})
    bot = BotOfTenant(row["id"], identity["username"], identity["token"])
    if mode == "webhook":
        paths = {
            int(number): str(path) for path, number in platform.redis.hgetall(keys.webhook_paths()).items()
        }
        bot.path = paths[bot.row]
        bot.secret = webhook_secret(platform.vault, bot.path)
    return bot
