"""Every operation of the API's own document with ids, queries, headers and bodies that are wrong in some place."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from tools.attack import hostile
from tools.attack.bodies import body_of, wrong
from tools.attack.client import Answer, Client
from tools.attack.contract import JSON, Contract, Exchange
from tools.attack.result import Row, Size
from tools.attack.target import Target

VARIABLE = re.compile(r"{(\w+)}")
IDS = ("0", "-1", "1", "9" * 5000, "1e9", "²", "\u0000", "%", "..", "x" * 300, "None", "1;2", "９", "\ud83d")
QUERIES = ("", "?limit=0", "?limit=-1", "?limit=9999999999999999999999", "?cursor=x", "?cursor=" + "9" * 400, "?limit=1&limit=2",
           "?%00=%ff", "?status=%F0%9F%98", "?from=x&to=9999-99-99", "?" + "a=1&" * 500)  # fmt: skip
RAW = (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": NaN}', b'{"a": 1e999}', b"[" * 20_000, b'{"a":' * 5000,
       b'"' + b"x" * 100_000 + b'"', b'{"ids": [' + b"1," * 5000 + b"1]}")  # fmt: skip
TYPES = (
    JSON,
    "application/json; charset=utf-16",
    "text/plain",
    "",
    "application/x-www-form-urlencoded",
    "\u00ff/x",
)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Idempotency-Key": "x" * 200},
    {"Idempotency-Key": "é"},
    {"Accept": "text/html"},
    {"Accept-Language": "x-" * 1000},
    {"X-HTTP-Method-Override": "DELETE"},
)
KEEP = ("send_test",)  # an operation that would write to the outside


def fuzz(target: Target, size: Size) -> Iterator[Row]:
    """So many requests to each operation, with the key of a tenant who owns what the ids name."""
    chance, client = random.Random(size.seed), target.by_key(target.rui)
    document = client.get("/api/v1/openapi.json").json()
    contract, statuses, breaches = Contract(document), Counter[int](), list[str]()
    operations = [
        (method.upper(), path, operation)
        for path, described in document["paths"].items()
        for method, operation in described.items()
        if not operation["operationId"].endswith(KEEP)
    ]
    for method, path, operation in operations:
        for exchange in _exchanges(client, (method, path, operation), document, target, size, chance):
            statuses[exchange.status] += 1
            breaches += contract.breaches_of_answer(exchange)
            if exchange.status == 500:
                breaches.append(f"{method} {path} -> 500 on {exchange.path[:100]} {str(exchange.sent)[:200]}")
    yield Row(
        f"{statuses.total()} requests to {len(operations)} operations",
        "no 500, and no status, header or field that the document does not declare",
        not breaches and any(status < 300 for status in statuses),
        f"{len(breaches)} breaches {breaches[:2] or ''}, statuses {dict(sorted(statuses.items()))}",
    )


def _exchanges(
    client: Client,
    route: tuple[str, str, dict[str, Any]],
    document: dict[str, Any],
    target: Target,
    size: Size,
    chance: random.Random,
) -> Iterator[Exchange]:
    method, path, operation = route
    content = operation.get("requestBody", {}).get("content", {}).get(JSON)
    bodies = wrong(document, content["schema"], chance) if content else iter(())
    for number in range(size.cases):
        ids = target.rui.ids if number % 2 and method != "DELETE" else {}
        filled = VARIABLE.sub(lambda found: _id(ids.get(found[1]), chance), path)  # noqa: B023 - used at once
        address = filled + (chance.choice(QUERIES) if number % 3 == 0 else "")
        headers = {"Content-Type": JSON, **chance.choice(HEADERS)}
        body = None
        if content and number == 0 and not VARIABLE.search(path):
            body = json.dumps(body_of(document, operation)).encode()
        elif content and number % 4:
            body = json.dumps(next(bodies)).encode()
        elif content:
            body, headers["Content-Type"] = chance.choice(RAW), chance.choice(TYPES)
        yield _exchange(method, address, body, client.ask(method, address, _encoded(headers), body))


def _exchange(method: str, address: str, body: bytes | None, answer: Answer) -> Exchange:
    parts = urlsplit(address)
    names = frozenset(name.partition("=")[0] for name in parts.query.split("&") if name)
    return Exchange(method, parts.path, names, body, answer.status, dict(answer.headers.items()), answer.body)


def _id(own: str | None, chance: random.Random) -> str:
    return own or quote(str(chance.choice((*IDS, *hostile.TEXTS)))[:5000], errors="surrogatepass", safe="")


def _encoded(headers: dict[str, str]) -> dict[str, str]:
    """As bytes of UTF-8, which http.client takes in this form."""
    return {name: value.encode().decode("latin-1") for name, value in headers.items()}
