"""One tenant walks over every route with another's ids, before and after that one's things are deleted and made again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from werkzeug.routing import Rule

from models import AccountSession
from tools.attack.bodies import body_of
from tools.attack.client import Answer, Client
from tools.attack.hostile_updates import SECRET_HEADER
from tools.attack.result import Row, Size
from tools.attack.target import PERSON, Target, acquaint
from tools.attack.tenant import Tenant, furnish
from tools.chaos.installation import until

VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
PLAIN = {
    "list_name": "blocked",
    "telegram_id": "5",
    "person_id": "5",
}  # nobody's: a word and a number of Telegram's
READ = "GET"
NOT_THERE = (
    "/waves/",
    "/store/value",
    "/worker",
)  # what the owner has none of: a ban wave, a key a plugin keeps, a worker
WORKERS = "/bots/{bot_id}"  # without the API's prefix: the bot as a worker's, which it is not
BY_ITSELF = re.compile(
    r'"(last_used_at|updated_at|health|healthy_bots|total_redirects)":\s*[^,}]+'
)  # it changes


@dataclass(frozen=True)
class Request:
    """A request with somebody's ids in its path."""

    method: str
    path: str
    template: str  # as the API's document writes the path


def crawl(target: Target, _size: Size) -> Iterator[Row]:
    """Ana asks for everything of Rui's, by key and in the panel; Rui deletes it, and Ana makes the same anew."""
    note_more_ids(target)
    requests = list(foreign_requests(target.routes, target.rui))
    document = target.client().get("/api/v1/openapi.json").json()
    before = settled(possessions(target, target.rui))
    yield _own(target, requests)
    yield from _walk(target, requests, document, "which are there")
    after = settled(possessions(target, target.rui))
    changed = [f"{path}: {before[path]} -> {after[path]}" for path in before if after[path] != before[path]]
    yield Row(
        f"{len(before)} lists of the owner's read before and after",
        "nothing of the other tenant's has changed",
        not changed,
        f"{sum(map(len, before.values())):,} bytes compared {changed[:1] or ''}",
    )
    former = dict(target.rui.ids)
    delete_everything(target, target.rui)
    mine = make_anew(target, target.ana)
    yield from _walk(target, requests, document, "which are gone")
    again = {name: number for name, number in mine.items() if former.get(name) == number}
    shown = possessions(target, target.ana)
    yield Row(
        f"{len(former)} kinds of things deleted and made anew by another tenant",
        "no id comes again, and nothing of the former tenant's is shown",
        not again and not any(target.rui.canary in text for text in shown.values()),
        f"{len(again)} ids came again, {sum(map(len, shown.values())):,} bytes of the new tenant's read",
    )
    restore(target, target.rui)


def foreign_requests(routes: tuple[Rule, ...], owner: Tenant) -> Iterator[Request]:
    """Every route that names a thing, with the owner's ids. Public ones and files are nobody's."""
    ids = {**PLAIN, **owner.ids}
    for rule in routes:
        names = VARIABLE.findall(rule.rule)
        if not set(names) <= PLAIN.keys() and set(names) <= ids.keys():
            path = VARIABLE.sub(lambda found: ids[found[1]], rule.rule)
            template = VARIABLE.sub(r"{\1}", rule.rule)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield Request(method, path, template.replace("/api/redirect", "/api/v1/redirect"))


def note_more_ids(target: Target) -> None:
    """Have Rui's bot take a click and an update that cannot be read, and note the ids of what comes of it."""
    rui = target.rui
    visitor, owner, telegram = target.client(User_Agent=PERSON), target.by_key(rui), target.client()
    visitor.get(f"/go/{rui.slug}")
    odd = b'{"update_id": 1, "message": {"message_id": 1}}'
    telegram.ask("POST", f"/webhook/{rui.bot.path}", {SECRET_HEADER: rui.bot.secret}, odd)
    until(lambda: _items(owner, "/api/v1/clicks"), "the click was not stored")
    until(lambda: _items(owner, "/api/v1/dead-letters"), "the update made no dead letter")
    rui.ids["click_id"] = str(_items(owner, "/api/v1/clicks")[0]["id"])
    rui.ids["letter_id"] = str(_items(owner, "/api/v1/dead-letters")[0]["id"])
    rui.ids["wave_id"] = "1"
    rui.ids["request_id"] = "0" * 32  # of a chat with the manager bot, which this installation has none of
    target.in_panel(rui)
    with target.platform.database.reading() as session:
        mine = select(AccountSession.id).where(AccountSession.account_id == rui.account)
        rui.ids["session_id"] = str(session.scalars(mine).first())


def possessions(target: Target, owner: Tenant) -> dict[str, str]:
    """What the API lists as the owner's, without what changes by itself."""
    client = target.by_key(owner)
    paths = ("redirect-pools", "experiments", "notification-destinations", "keys", "dead-letters", "clicks")
    texts = {path: client.get(f"/api/v1/{path}").text for path in paths}
    texts["bots"] = str(
        [(each["id"], each["username"], each["mode"]) for each in _items(client, "/api/v1/bots")]
    )
    return {path: BY_ITSELF.sub("", text) for path, text in texts.items()}


def settled(lists: dict[str, str]) -> dict[str, str]:
    """The lists without that of clicks, which may be on their way still."""
    return {path: text for path, text in lists.items() if path != "clicks"}


def delete_everything(target: Target, owner: Tenant) -> None:
    """What an owner can delete, by the API."""
    client = target.by_key(owner)
    for path in ("experiments", "notification-destinations", "redirect-pools", "bots"):
        for each in _items(client, f"/api/v1/{path}"):
            client.ask("DELETE", f"/api/v1/{path}/{each['id']}")
    client.ask("DELETE", f"/api/v1/keys/{owner.ids['key_id']}")


def make_anew(target: Target, owner: Tenant) -> dict[str, str]:
    """A bot, and all that `furnish` makes; the ids of what is new. The owner goes on with what was there."""
    client = target.by_key(owner)
    new = Tenant(**{**vars(owner), "slug": f"{owner.slug}-new", "ids": {}})
    new.bot = new.add_bot(target.platform, client, "webhook")
    furnish(new, client)
    return new.ids


def restore(target: Target, owner: Tenant) -> None:
    """New bots and a new pool for the one who deleted everything, for the attacks that come after."""
    client = target.by_key(owner)
    owner.bot = owner.add_bot(target.platform, client, "webhook")
    owner.poller = owner.add_bot(target.platform, client, "polling")
    furnish(owner, client)
    for bot in (owner.bot, owner.poller):
        acquaint(target.telegram, bot)


def _own(target: Target, requests: list[Request]) -> Row:
    """That 404 means something: the owner is shown the same."""
    owner, panel = target.by_key(target.rui), target.in_panel(target.rui)
    reads = [
        each
        for each in requests
        if each.method == READ
        and each.template != WORKERS
        and not any(part in each.template for part in NOT_THERE)
    ]
    failed = [each.path for each in reads if _ask(owner, panel, each).status != 200]
    return Row(
        f"{len(reads)} reads by the owner",
        "are answered with 200",
        not failed,
        f"{len(failed)} refused {failed[:2]}",
    )


def _walk(target: Target, requests: list[Request], document: dict[str, Any], state: str) -> Iterator[Row]:
    key, panel = target.by_key(target.ana), target.in_panel(target.ana)
    panel.headers["X-CSRFToken"] = panel.csrf_token("/panel/account")
    for words, client, chosen in (
        ("an API key", key, [each for each in requests if each.path.startswith("/api/")]),
        ("a session", panel, requests),
    ):
        answers = [(each, _send(client, each, document)) for each in chosen]
        wrong = [
            f"{each.method} {each.path} -> {answer.status}"
            for each, answer in answers
            if answer.status != 404
        ]
        shown = [each.path for each, answer in answers if target.rui.canary in answer.text]
        yield Row(
            f"{len(answers)} requests with {words} and the ids of another tenant's things, {state}",
            "each is answered with 404 and shows nothing",
            not wrong and not shown,
            f"{len(wrong)} answered otherwise {wrong[:3] or ''}, {len(shown)} showed something",
        )


def _send(client: Client, request: Request, document: dict[str, Any]) -> Answer:
    operation = document["paths"].get(request.template, {}).get(request.method.lower(), {})
    if request.method in (READ, "DELETE"):
        return client.ask(request.method, request.path)
    return client.post_json(request.path, body_of(document, operation) or {}, request.method)


def _ask(owner: Client, panel: Client, request: Request) -> Answer:
    return (owner if request.path.startswith("/api/") else panel).get(request.path)


def _items(client: Client, path: str) -> list[dict[str, Any]]:
    return list(client.get(path).json()["items"])
