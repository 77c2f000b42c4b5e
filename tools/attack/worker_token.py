"""A bot's program turns on the house: with its worker token it tries what is not its bot's updates or outbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from tools.attack.client import Answer, Client
from tools.attack.result import Row, Size
from tools.attack.target import Target, acquaint
from tools.attack.tenant import BotOfTenant, Tenant, made
from tools.attack.tenants import PLAIN, VARIABLE
from tools.chaos.installation import until

RUNTIME, API = "/api/v1/runtime", "/api/v1"
JSON = {"Content-Type": "application/json"}
LEAST = 200
METHODS = (
    "getUpdates",
    "setWebhook",
    "deleteWebhook",
    "getWebhookInfo",
    "logOut",
    "close",
    "getManagedBotToken",
    "replaceManagedBotToken",
)
BY_FACADE = METHODS[4:]  # the others are the program's there
SPELLINGS = (
    "{name}",
    "{upper}",
    "{lower}",
    "{name} ",
    "{name}/",
    "{name}\x00",
    "./{name}",
    "{name}?",
    "{kelvin}",
    "{name}\n",
)
FILES = (
    "../../../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%252e%252e/%252e%252e/etc/passwd",
    "..\\..\\etc\\passwd",
    "/etc/passwd",
    "//etc/passwd",
    "photos/../../../etc/passwd",
    "file:///etc/passwd",
    "http://127.0.0.1/sandbox/api/bots",
    "photos/%00/etc/passwd",
    "photos/x%0d%0aX-A:%20b",
    "..;/..;/etc/passwd",
    "..%c0%af..%c0%afetc/passwd",
    "../../sandbox/api/bots",
    "..%2f..%2fsandbox%2fapi%2fbots",
    "%2fproc%2fself%2fenviron",
    "photos/file_0.jpg%3f/../../x",
    "a" * 3000,
)
HOOKS = (
    "http://127.0.0.1:{port}/webhook/x",
    "http://localhost:6379/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]:{port}/",
    "http://2130706433/",
    "http://0x7f.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "http://user:password@127.0.0.1/",
    "javascript:alert(1)",
)
LEASES = ("0-0", "1-1", "-1", "*", "+", "..", "%2e%2e", "x" * 5000, "1-1%00", "%F0%9F%90%A2", "1-1%20")


@dataclass(frozen=True)
class Try:
    """A request that must come to nothing."""

    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """A tenant's bot with a worker, and the token that its program has."""

    bot: BotOfTenant
    token: str


def turn_on_the_house(target: Target, _size: Size) -> Iterator[Row]:
    """Ana's program tries everything that it may not; Rui's holds a lease meanwhile."""
    mine, other = program(target, target.ana), program(target, target.rui)
    lease, before = taken(target, other), calls_of(target)
    tries = [
        *routes(target, mine),
        *leases(lease),
        *methods(mine),
        *files(mine),
        *hooks(mine, target.port),
        *too_much(lease),
        *other_tokens(mine, other),
    ]
    bearer = target.client(Authorization=f"Bearer {mine.token}")
    done = [(each, asked(bearer, each)) for each in tries]
    won = [f"{each.method} {each.path[:70]} -> {answer.status}" for each, answer in done if succeeded(answer)]
    shown = [
        each.path[:70]
        for each, answer in done
        if any(word in answer.text for word in secrets_of(target, mine, other))
    ]
    yield Row(
        f"{len(done)} requests with a worker token beyond its bot's updates and outbox",
        "none succeeds, and none shows another's secret",
        len(done) >= LEAST and not won and not shown,
        f"{len(won)} succeeded {won[:3] or ''}, {len(shown)} showed something {shown[:3] or ''}",
    )
    yield untouched(target, mine, other, lease, before)
    for tenant, each in ((target.ana, mine), (target.rui, other)):
        target.by_key(tenant).ask("DELETE", f"{API}/bots/{each.bot.row}")


def program(target: Target, tenant: Tenant) -> Program:
    """A new bot with a worker, that people have written to."""
    client = target.by_key(tenant)
    bot = tenant.add_bot(target.platform, client, "webhook")
    until(lambda: target.telegram.get(f"/bots/{bot.username}")["bot"]["webhook_url"], "no webhook was set")
    return Program(bot, made(client, f"{API}/bots/{bot.row}/worker", {})["worker_token"])


def taken(target: Target, holder: Program) -> str:
    """A lease that a program holds."""
    acquaint(target.telegram, holder.bot)
    found: list[dict[str, Any]] = []
    client = target.client(Authorization=f"Bearer {holder.token}")

    def has_one() -> bool:
        found.extend(client.get(f"{RUNTIME}/next?wait=5").json()["items"])
        return bool(found)

    until(has_one, "the program got no update")
    return str(found[0]["lease"])


def routes(target: Target, mine: Program) -> Iterator[Try]:
    """Every route that is closed to strangers, with the ids of the own bot and of the other tenant's things."""
    stranger = target.client()
    for ids in ({**PLAIN, **target.rui.ids}, {**PLAIN, **target.rui.ids, "bot_id": str(mine.bot.row)}):
        for rule in target.routes:
            names = set(VARIABLE.findall(rule.rule))
            if not names <= ids.keys() or rule.rule.startswith((RUNTIME, "/botapi")):
                continue
            path = VARIABLE.sub(lambda found: ids[found[1]], rule.rule)  # noqa: B023  # called in this turn
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                if succeeded(stranger.ask(method, path, JSON, None if method == "GET" else b"{}")):
                    continue  # open to everybody
                yield Try(method, path, None if method == "GET" else b"{}", JSON)


def leases(lease: str) -> Iterator[Try]:
    """What another program holds, and names that are no lease."""
    bodies = {"response": {"calls": []}, "error": {"error": "mine", "retry": False}, "extend": {}}
    for name in (lease, f"{lease} ", lease.replace("-", "%2d"), *LEASES):
        for what, body in bodies.items():
            yield Try("POST", f"{RUNTIME}/leases/{quote(name, safe='%*+')}/{what}", encoded(body), JSON)


def methods(mine: Program) -> Iterator[Try]:
    """The methods that would take the bot, or a token, out of the house, however they are written."""
    for name in METHODS:
        for spelled in dict.fromkeys(each.format(**spellings(name)) for each in SPELLINGS):
            yield Try("POST", f"{RUNTIME}/send", encoded({"method": spelled, "params": {"chat_id": 1}}), JSON)
            if name in BY_FACADE:
                path = quote(spelled, safe="/?.")
                yield Try("POST", f"/botapi/bot{mine.token}/{path}", encoded({"user_id": 1}), JSON)
                yield Try("GET", f"/botapi/bot{mine.token}/{path}")


def spellings(name: str) -> dict[str, str]:
    """A method's name in other letters; the sign for kelvin is a k once it is made small."""
    return {
        "name": name,
        "upper": name.upper(),
        "lower": name.lower(),
        "kelvin": name.replace("k", "\N{KELVIN SIGN}"),
    }


def files(mine: Program) -> Iterator[Try]:
    """Paths of files that lead out of the bot's own at Telegram."""
    for path in FILES:
        yield Try("GET", f"/botapi/file/bot{mine.token}/{path}")


def hooks(mine: Program, port: int) -> Iterator[Try]:
    """Webhooks that would have the installation call itself, or what stands beside it."""
    for url in HOOKS:
        yield Try(
            "POST", f"/botapi/bot{mine.token}/setWebhook", encoded({"url": url.format(port=port)}), JSON
        )


def too_much(lease: str) -> Iterator[Try]:
    """Sizes and forms that are none."""
    call = {"method": "sendMessage", "params": {"chat_id": 1, "text": "x"}}
    for query in ("limit=1000000", "limit=0", "limit=x", "wait=86400", "wait=-1", "wait=NaN", "limit=1&x=1"):
        yield Try("GET", f"{RUNTIME}/next?{query}")
    for body in (
        encoded({**call, "params": {"text": "x" * 11_000_000}}),
        encoded({**call, "method": "x" * 65}),
        encoded({**call, "params": "x"}),
        encoded({**call, "bot_id": 1}),
        b'{"a":' * 100_000,
        b"null",
        b"",
    ):
        yield Try("POST", f"{RUNTIME}/send", body, JSON)
    yield Try("POST", f"{RUNTIME}/leases/{lease}/response", encoded({"calls": [call] * 1000}), JSON)
    odd: tuple[object, ...] = ([{"lease": lease}] * 1000, [{"calls": []}], {"lease": lease}, "x")
    for answers in odd:
        yield Try("POST", f"{RUNTIME}/responses", encoded({"answers": answers}), JSON)


def other_tokens(mine: Program, other: Program) -> Iterator[Try]:
    """Tokens that are not the worker's or not where a token belongs, and headers that some servers believe."""
    number, _, secret = mine.token.partition(":")
    foreign = other.token.partition(":")[0]
    for token in (
        mine.bot.token,
        other.bot.token,
        mine.token[:-1],
        mine.token + "x",
        mine.token.upper(),
        f"{foreign}:{secret}",
        f"{number}:{other.token.partition(':')[2]}",
        secret,
        "null",
        "%00",
        "*",
        "' OR 1=1 --",
    ):
        yield Try("GET", f"{RUNTIME}/next?wait=0", None, {"Authorization": f"Bearer {token}"})
        yield Try("GET", f"/botapi/bot{quote(token, safe=':')}/getMe")
    for where in ("token", "worker_token", "access_token", "api_key"):
        yield Try("GET", f"{RUNTIME}/next?wait=0&{where}={mine.token}", None, {"Authorization": ""})
        cookie = {"Authorization": "", "Cookie": f"{where}={mine.token}; session={mine.token}"}
        yield Try("GET", f"{RUNTIME}/next?wait=0", None, cookie)
    for header in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri"):
        yield Try("GET", f"{API}/bots", None, {header: f"{RUNTIME}/next?wait=0"})
    for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        yield Try("GET", f"{API}/bots/{mine.bot.row}", None, {header: "DELETE"})
    for header in ("X-Forwarded-User", "X-Remote-User", "X-Account-Id", "X-Real-IP", "X-Forwarded-For"):
        yield Try("GET", "/metrics", None, {header: "127.0.0.1"})


def asked(client: Client, each: Try) -> Answer:
    """What came of it, at the address that it is sent on to if it is."""
    answer = client.ask(each.method, each.path, each.headers, each.body)
    if answer.status != 308:
        return answer
    path = urlsplit(answer.headers["Location"]).path
    return client.ask(each.method, path, each.headers, each.body)


def untouched(target: Target, mine: Program, other: Program, lease: str, before: dict[str, int]) -> Row:
    """That what was tried has not happened all the same."""
    holder = target.client(Authorization=f"Bearer {other.token}")
    batch = target.client(Authorization=f"Bearer {mine.token}").post_json(
        f"{RUNTIME}/responses", {"answers": [{"lease": lease}]}
    )
    kept = holder.post_json(f"{RUNTIME}/leases/{lease}/extend", {}).status == 200
    kept = kept and batch.json() == {"gone": [lease]}
    hooked = all(
        target.telegram.get(f"/bots/{each.bot.username}")["bot"]["webhook_url"] for each in (mine, other)
    )
    called = {name: count for name, count in calls_of(target).items() if count != before.get(name, 0)}
    sent = [
        each for each in target.telegram.journal(0) if each["bot"] in (mine.bot.username, other.bot.username)
    ]
    return Row(
        "the same, looked at from the other side",
        "the other's lease is held, the webhooks are set, and Telegram was asked for nothing",
        kept and hooked and not called and not sent,
        f"calls {called}, {len(sent)} messages",
    )


def calls_of(target: Target) -> dict[str, int]:
    """How often Telegram was asked for what a program may not ask for."""
    asked = target.telegram.get("/stats")["calls"]
    return {name: sum(asked.get(name, {}).values()) for name in BY_FACADE}


def succeeded(answer: Answer) -> bool:
    """Whether something was given or done; being sent to sign in is neither."""
    if 300 <= answer.status < 400:
        return "/login" not in (answer.headers["Location"] or "")
    return answer.status < 300


def secrets_of(target: Target, mine: Program, other: Program) -> list[str]:
    """What no answer may hold: the bots' tokens, the other program's, the installation's keys, its files."""
    known = target.secrets
    tokens = [mine.bot.token, other.bot.token, other.token, target.rui.canary]
    return [*tokens, known.secret_key, known.encryption_key, known.redis_password, "root:x:0:"]


def encoded(body: object) -> bytes:
    """As JSON."""
    return json.dumps(body).encode()
