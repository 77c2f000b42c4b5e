"""Secrets of every kind, used as they are meant to be and offered where they do not belong, then looked for everywhere."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from redis import Redis
from sqlalchemy import select

from models import Base
from tools.attack.client import Client
from tools.attack.hostile_updates import SECRET_HEADER, deliver, last_sent, marker, unanswered
from tools.attack.result import Row, Size
from tools.attack.target import Target
from tools.attack.tenants import VARIABLE

REDIS, DATABASE, FILES, LOGS, METRICS, API, HTML = (
    "Redis",
    "database",
    "DATA_DIR",
    "logs",
    "metrics",
    "API",
    "HTML",
)
# Where a secret may stand: the server's own configuration (mode 600), and the forms of the one who is signed in.
MAY_STAND = {"Redis password": {FILES}, "CSRF token": {HTML}}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Places = Mapping[str, bytes]


@dataclass(frozen=True)
class Canary:
    """A secret of a kind, and one that was only tried."""

    kind: str
    value: str


def plant(target: Target, _size: Size) -> Iterator[Row]:
    """Use and offer all, let everything be worked off, and search."""
    canaries = [*_used(target), *_offered(target)]
    _work_off(target)
    places = _places(target)
    blind = [name for name, text in _controls(target).items() if text.encode() not in places[name]]
    found = [f"{each.kind} in {name}" for each in canaries for name in shown_in(each, places)]
    yield Row(
        f"{len(canaries)} secrets of {len({each.kind for each in canaries})} kinds",
        f"none is found in {', '.join(places)}",
        not found and not blind,
        f"{sum(map(len, places.values())) / 1e6:.1f} MB searched, {len(found)} found {found[:4] or ''}"
        + (f", unsearchable: {blind}" if blind else ""),
    )


def shown_in(canary: Canary, places: Places) -> Iterator[str]:
    """The places that show it, plainly, percent-encoded, or the secret half of a token."""
    shapes = {canary.value, quote(canary.value, safe="")}
    if ":" in canary.value:
        shapes.add(canary.value.partition(":")[2])
    for name, content in places.items():
        if name not in MAY_STAND.get(canary.kind, ()) and any(shape.encode() in content for shape in shapes):
            yield name


def _used(target: Target) -> Iterator[Canary]:
    """Secrets that the installation works with."""
    ana, known = target.ana, target.secrets
    browser = target.in_panel(ana)
    yield Canary("CSRF token", browser.csrf_token("/panel/account"))
    yield Canary("session cookie", browser.cookie("flotilla"))
    yield Canary("cookie of a known browser", browser.cookie("flotilla_browser"))
    yield Canary("password", ana.password)
    yield Canary("API key", ana.key)
    yield Canary("secret of an API key", ana.key.split("_", 2)[2])
    yield Canary("bot token", ana.bot.token)
    yield Canary("token of a bot that polls", ana.poller.token)
    yield Canary("webhook secret", ana.bot.secret)
    yield Canary("address of a notification webhook", ana.destination_path)
    yield Canary("signing secret of a notification webhook", ana.signing_secret)
    yield Canary("SECRET_KEY", known.secret_key)
    yield Canary("ENCRYPTION_KEYS", known.encryption_key)
    yield Canary("METRICS_TOKEN", known.metrics_token)
    yield Canary("MANAGER_BOT_TOKEN", known.manager_bot_token)
    yield Canary("password in SMTP_URL", known.smtp_password)
    yield Canary("Redis password", known.redis_password)
    if known.database_password:
        yield Canary("password in DATABASE_URL", known.database_password)


def _offered(target: Target) -> Iterator[Canary]:
    """Secrets of somebody else that people and programs send in, rightly or wrongly."""
    nobody, owner = target.client("127.0.0.11"), target.by_key(target.ana)
    for kind, offer in _offers(target, nobody, owner).items():
        value = _token() if "token" in kind else secrets.token_hex(20)
        offer(value)
        yield Canary(kind, value)


def _offers(target: Target, nobody: Client, owner: Client) -> dict[str, Callable[[str], object]]:
    bot, telegram = target.ana.bot, target.client(**{SECRET_HEADER: target.ana.bot.secret})
    hook, numbers = f"/webhook/{bot.path}", iter(range(30_000_000, 31_000_000))

    def update(**content: Any) -> object:
        body = json.dumps({"update_id": next(numbers), **content}).encode()
        return telegram.ask("POST", hook, {"Content-Type": "application/json"}, body)

    person = {"id": 5, "is_bot": False, "first_name": "Ana"}
    return {
        "wrong password": lambda value: nobody.submit("/login", email=target.ana.email, password=value),
        "password as an e-mail": lambda value: nobody.submit("/login", email=value, password="x"),
        "wrong API key": lambda value: nobody.get("/api/v1/bots", Authorization=f"Bearer flk_{value}"),
        "wrong METRICS_TOKEN": lambda value: nobody.get("/health/full", Authorization=f"Bearer {value}"),
        "wrong webhook secret": lambda value: nobody.ask("POST", hook, {SECRET_HEADER: value}, b"{}"),
        "token that Telegram refuses": lambda value: owner.post_json("/api/v1/bots", {"token": value}),
        "token written to a bot": lambda value: update(message=marker(value)["message"]),
        "token in a tap": lambda value: update(
            callback_query={"id": "1", "from": person, "chat_instance": "1", "data": value}
        ),
        "token in an unreadable update": lambda value: update(message={"message_id": 1, "text": value}),
        "token in a body that is no update": lambda value: telegram.ask(
            "POST", hook, {}, f"{{{value}".encode()
        ),
        "idempotency key's answer: API key": lambda value: owner.post_json(
            "/api/v1/keys", {"name": "k", "scopes": ["read"], "x": value}, Idempotency_Key=value
        ),
        "new password, refused": lambda value: target.in_panel(target.ana).submit(
            "/panel/account", "/panel/account/password", present=value, new=value, again=value
        ),
    }


def _token() -> str:
    return f"{10**9 + secrets.randbelow(10**9)}:{secrets.token_urlsafe(27)[:35]}"


def _work_off(target: Target) -> None:
    """Wait until updates behind all others are answered and letters are stored."""
    since, client = last_sent(target), target.client()
    text = deliver(
        client, target.ana.bot, 32_000_000 + secrets.randbelow(10**6), f"after {secrets.token_hex(4)}"
    )
    unanswered(target, target.ana.bot, since, [text])


def _places(target: Target) -> dict[str, bytes]:
    return {
        REDIS: b"\n".join(_in_redis(target)),
        DATABASE: "\n".join(_in_database(target)).encode(errors="replace"),
        FILES: b"\n".join(path.read_bytes() for path in target.data_dir.rglob("*") if path.is_file()),
        LOGS: target.log.read_bytes(),
        METRICS: target.client().get("/metrics", Authorization=f"Bearer {target.secrets.metrics_token}").body,
        API: b"\n".join(_pages(target, target.by_key(target.ana), "/api/")),
        HTML: b"\n".join(_pages(target, target.in_panel(target.ana), "/panel")),
    }


def _controls(target: Target) -> dict[str, str]:
    """What must be found where, so that a search that finds nothing means something."""
    name = target.ana.canary
    texts = {DATABASE: name, API: name, HTML: name, REDIS: target.ana.bot.path}
    return {**texts, FILES: target.ana.bot.path, LOGS: "worker started", METRICS: "process_cpu_seconds"}


def _in_redis(target: Target) -> Iterator[bytes]:
    client = Redis.from_url(target.platform.settings.redis_url)
    whole: dict[Any, Callable[[Any], Any]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": lambda key: client.xrange(key),
    }
    for key in client.scan_iter(count=1000):
        kind = client.type(key)
        if kind != b"none":  # it has just expired
            yield from _flat([key, whole[kind](key)])


def _flat(value: Any) -> Iterator[bytes]:
    """The texts in a value, as they are: no representation may stand between them and the search."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        yield from _flat([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple | set):
        for each in value:
            yield from _flat(each)


def _in_database(target: Target) -> Iterator[str]:
    with target.platform.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)):
                yield " ".join(str(value) for value in row)


def _pages(target: Target, client: Client, root: str) -> Iterator[bytes]:
    """All that can be read under `root` by the tenant whose client it is."""
    ids = target.ana.ids
    for rule in target.routes:
        names = set(VARIABLE.findall(rule.rule))
        if rule.rule.startswith(root) and "GET" in (rule.methods or ()) and names <= ids.keys():
            yield client.get(VARIABLE.sub(lambda found: ids[found[1]], rule.rule)).body
