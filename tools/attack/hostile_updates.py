"""Updates with a hostile value in a field, by webhook and by polling; behind each a marker that must be answered."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from models import DeadLetter
from tools.attack import hostile, schema
from tools.attack.client import Client
from tools.attack.result import Row, Size
from tools.attack.target import Target
from tools.attack.tenant import FIRST_PERSON, PERSONS, BotOfTenant
from tools.servers.fleet import message

ANSWERED = "the update behind each hostile one is answered; one letter per fault at most"
WAIT_SECONDS = 45.0
BATCH = 50  # updates that are injected at once
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


def by_webhook(target: Target, size: Size) -> Iterator[Row]:
    """To the web process, as Telegram sends them."""
    bot, statuses = target.ana.bot, dict[int, int]()
    client = target.client(**{SECRET_HEADER: bot.secret})
    updates = list(hostile_updates(size))
    numbers = iter(range(1_000_000, 10_000_000))
    since, before = last_sent(target), letters(target)
    marked: list[str] = []
    for update in updates:
        body = json.dumps({"update_id": next(numbers), **update}, ensure_ascii=False).encode(
            errors="surrogatepass"
        )
        status = client.ask("POST", f"/webhook/{bot.path}", {"Content-Type": "application/json"}, body).status
        statuses[status] = statuses.get(status, 0) + 1
        marked.append(deliver(client, bot, next(numbers), f"marker {len(marked)}"))
    missing = unanswered(target, bot, since, marked)
    found = letters(target) - before
    yield Row(
        f"{len(updates)} updates of {len(schema.kinds())} kinds",
        f"{ANSWERED}; no 5xx",
        not missing and len(found) <= len(updates) and all(status < 500 for status in statuses),
        f"{len(marked) - len(missing)} of {len(marked)} markers answered, {len(found)} letters, statuses {statuses}",
    )


def by_polling(target: Target, size: Size) -> Iterator[Row]:
    """Through the sandbox, which the poller asks; some answers of getUpdates are garbage or end early."""
    bot = target.ana.poller
    updates = [update for update in hostile_updates(size) if "update_id" not in update]
    since, before = last_sent(target), letters(target)
    markers = [f"polled {number}" for number in range(len(updates))]
    faults = [
        {"kind": kind, "bot": bot.username, "method": "getUpdates", "count": 1}
        for kind in ("garbage", "reset")
    ]
    for fault in faults:
        target.telegram.post("/faults", **fault)
    for first in range(0, len(updates), BATCH):
        pairs = zip(updates[first : first + BATCH], markers[first : first + BATCH], strict=True)
        both = [each for update, text in pairs for each in (update, marker(text))]
        target.telegram.post(f"/updates/{bot.username}", updates=both, as_is=True)
    missing = unanswered(target, bot, since, markers)
    found = letters(target) - before
    yield Row(
        f"{len(updates)} updates, {len(faults)} broken answers of getUpdates",
        ANSWERED,
        not missing and len(found) <= len(updates),
        f"{len(markers) - len(missing)} of {len(markers)} markers answered, {len(found)} letters",
    )


def hostile_updates(size: Size) -> Iterator[dict[str, Any]]:
    """So many updates, each with a hostile value somewhere: a quarter in the place of the whole event, the others in a field."""
    chance = random.Random(size.seed)
    whole = [{kind: value} for kind in schema.kinds() for value in hostile.VALUES]
    whole += [{"update_id": value, "message": schema.MESSAGE} for value in hostile.VALUES]
    places = {
        kind: [(event, path) for event, found in schema.events(kind) for path in found if path]
        for kind in schema.kinds()
    }
    chance.shuffle(whole)
    yield from whole[: size.updates // 4]
    for _ in range(size.updates - min(len(whole), size.updates // 4)):
        kind = chance.choice(schema.kinds())
        event, path = chance.choice(places[kind])
        yield {kind: schema.with_value(event, path, chance.choice(hostile.VALUES))}


def deliver(client: Client, bot: BotOfTenant, number: int, text: str) -> str:
    """Send a person's text in by webhook; the text, or "" when it was not accepted."""
    body = json.dumps({"update_id": number, **marker(text)}).encode()
    headers = {"Content-Type": "application/json", SECRET_HEADER: bot.secret}
    answer = client.ask("POST", f"/webhook/{bot.path}", headers, body)
    return text if answer.status == 200 else ""


def last_sent(target: Target) -> int:
    """The number of the sandbox's last journal entry."""
    return int(target.telegram.get("/sent?limit=1")["last_seq"])


def unanswered(
    target: Target, bot: BotOfTenant, since: int, texts: list[str], seconds: float = WAIT_SECONDS
) -> set[str]:
    """Which of `texts` the bot has not repeated when `seconds` have passed since the last answer."""
    waiting, deadline = set(texts), time.monotonic() + seconds
    while waiting and time.monotonic() < deadline:
        entries = target.telegram.journal(since)
        answered = {each["text"] for each in entries if each["bot"] == bot.username} & waiting
        since = entries[-1]["seq"] if entries else since
        if answered:
            waiting -= answered
            deadline = time.monotonic() + seconds
        time.sleep(0.1)
    return waiting


def letters(target: Target) -> frozenset[int]:
    """The ids of all dead letters of updates."""
    with target.platform.database.reading() as session:
        return frozenset(
            session.scalars(select(DeadLetter.id).where(DeadLetter.kind.in_(("update", "intake"))))
        )


def marker(text: str) -> dict[str, Any]:
    """A person's text; whoever writes it hangs on the text, so that no chat waits for another."""
    number = FIRST_PERSON + sum(text.encode()) % PERSONS
    return {key: value for key, value in message(1, number, text).items() if key != "update_id"}
