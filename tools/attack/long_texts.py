"""Long runs of what patterns look for, wherever a stranger may write: the event loop must not stand still over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

from tools.attack.client import Client
from tools.attack.hostile_updates import SECRET_HEADER
from tools.attack.result import Row, Size
from tools.attack.target import PERSON, Target
from tools.attack.tenant import Tenant

PIECES = (
    "1",
    "1:",
    "a",
    "A1",
    " ",
    ".",
    "-",
    "/",
    "@",
    "{",
    "a.",
    "a@a.",
    "://",
    "; ",
    "=",
    ",",
    "[",
    '"',
    "é",
)
NEUTRAL = "the quick brown fox "
LONGEST_LINE = 7000  # bytes of a request's line or field that gunicorn takes
TIMES = 3  # the least of so many is taken
WORTH_SECONDS = 0.004  # of CPU, below which a clock says little and nobody is held up
MOST_TIMES = 3.0  # what a text may cost beside a neutral one of its length
Place = Callable[[str], object]
HEADERS = (
    "User-Agent",
    "Referer",
    "Cookie",
    "Accept-Language",
    "X-Forwarded-For",
    "Idempotency-Key",
    "Authorization",
)


def write_long(target: Target, size: Size) -> Iterator[Row]:
    """Every piece in every place, beside a neutral text of the same length."""
    found, sent = [], 0
    for name, length, place in places(target, size):
        neutral = cost(target, place, fill(NEUTRAL, length))
        for piece in PIECES[: size.pieces]:
            seconds = cost(target, place, fill(piece, length))
            sent += TIMES
            found.append((seconds / max(neutral, WORTH_SECONDS), name, piece, seconds))
    ratio, name, piece, seconds = max(found)
    yield Row(
        f"{sent} requests: {size.pieces} pieces in {len(found) // size.pieces} places, up to {size.long_text:,} bytes",
        f"costs the event loop at most {MOST_TIMES:g} times what a neutral text of that length does",
        ratio <= MOST_TIMES,
        f"worst {ratio:.2f} times: {piece!r} in {name}, {seconds * 1000:.1f} ms of CPU",
    )


def places(target: Target, size: Size) -> Iterator[tuple[str, int, Place]]:
    """Where a stranger, Telegram or a tenant writes: a name, the length that fits, and how a text gets there."""
    line, whole = min(LONGEST_LINE, size.long_text), size.long_text
    nobody, owner = target.client(User_Agent=PERSON), target.by_key(target.ana)
    for path in (
        "/",
        f"/go/{target.ana.slug}?utm_source=",
        "/go/",
        "/webhook/",
        "/api/v1/bots/",
        "/login?next=/",
    ):
        yield path, line, _in_path(nobody, path)
    for header in HEADERS:
        yield header, line, _in_header(nobody, f"/go/{target.ana.slug}", header)
    yield "Authorization of the API", line, _in_header(nobody, "/api/v1/bots", "Authorization")
    yield "a sign-in form", whole, lambda text: _form(nobody, text, whole)
    for name, make in updates().items():
        yield f"an update's {name}", whole, _in_update(target.client(), target.ana, make)
    for path, field in (("bots", "token"), ("redirect-pools", "slug"), ("notification-destinations", "url")):
        yield f"{field} of {path}", whole, _in_body(owner, f"/api/v1/{path}", field)


def updates() -> dict[str, Callable[[str], dict[str, object]]]:
    """Updates by what in them holds the text."""
    person = {"id": 5, "is_bot": False, "first_name": "Ana"}
    message = {"message_id": 1, "date": 1, "from": person, "chat": {"id": 5, "type": "private"}}
    tap = {"id": "1", "from": person, "chat_instance": "1"}
    return {
        "text": lambda text: {"message": {**message, "text": text}},
        "data": lambda text: {"callback_query": {**tap, "data": text}},
        "start payload": lambda text: {"message": {**message, "text": f"/start {text}"}},
        "body": lambda text: {"something": text},
    }


def fill(piece: str, length: int) -> str:
    """`piece` again and again, so many bytes."""
    return piece * (length // len(piece.encode()))


def cost(target: Target, place: Place, text: str) -> float:
    """CPU seconds that the web processes' event loops spend on it, the least of TIMES."""
    spent = []
    for _ in range(TIMES):
        before = _loop_seconds(target)
        place(text)
        spent.append(_loop_seconds(target) - before)
    return min(spent)


def _loop_seconds(target: Target) -> float:
    """CPU seconds of the main threads of gunicorn's workers, from Linux's scheduler."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in target.web_workers) / 1e9


def _in_path(client: Client, before: str) -> Place:
    return lambda text: client.get(before + quote(text, safe="/:@.;=,-")[:LONGEST_LINE])


def _in_header(client: Client, path: str, header: str) -> Place:
    return lambda text: client.get(path, **{header: text.encode().decode("latin-1").strip()})


def _form(client: Client, text: str, whole: int) -> object:
    # Cut where it is encoded: what is decoded is as long whatever the text.
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return client.ask("POST", "/login", form, urlencode({"email": text}).encode()[:whole])


def _in_update(client: Client, tenant: Tenant, make: Callable[[str], dict[str, object]]) -> Place:
    headers = {"Content-Type": "application/json", SECRET_HEADER: tenant.bot.secret}
    numbers = iter(range(20_000_000 + hash(make) % 10**6 * 1000, 10**12))

    def send(text: str) -> object:
        body = json.dumps({"update_id": next(numbers), **make(text)}, ensure_ascii=False).encode()
        return client.ask("POST", f"/webhook/{tenant.bot.path}", headers, body)

    return send


def _in_body(client: Client, path: str, field: str) -> Place:
    whole = {"token": "", "name": "x", "slug": "x", "kind": "webhook"}
    return lambda text: client.post_json(path, {**_needed(path, whole), field: text})


def _needed(path: str, whole: dict[str, str]) -> dict[str, str]:
    """What else a body must hold for the field to be looked at."""
    names = {"bots": (), "redirect-pools": ("name",), "notification-destinations": ("kind", "name")}
    return {name: whole[name] for name in names[path.rpartition("/")[2]]}
