"""A person's browser or a script at the installation, with the standard library alone, and people who follow its links."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import (
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    ProxyHandler,
    Request,
    build_opener,
)

from tools.servers.sandbox import Sandbox

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
# As a form carries it, and as a page carries it for its script.
TOKEN = re.compile(r'name="csrf[_-]token" (?:value|content)="([^"]+)"')
SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """What came back; `location` is where it leads."""

    status: int
    location: str
    text: str

    def __str__(self) -> str:
        return f"{self.status} {self.text[:300]}"


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: where it leads is what we look at."""


class Web:
    """Keeps cookies, follows no redirect, sends `headers` with each request."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url = url
        self._headers = {"User-Agent": PERSON, **headers}
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(), _Stay)

    def get(self, path: str) -> Answer:
        """A page."""
        return self._ask(path, None)

    def submit(self, path: str, **fields: str) -> Answer:
        """Fill in the form of a page and send it."""
        form = urlencode({**fields, "csrf_token": self._token(path)}).encode()
        return self._ask(path, form)

    def post(self, path: str, body: dict[str, Any], page: str = "") -> dict[str, Any]:
        """A call of the API with JSON, from the script of `page` if one is named; fails unless it is taken."""
        headers = {"Content-Type": "application/json"}
        if page:
            headers["X-CSRFToken"] = self._token(page)
        answer = self._ask(path, json.dumps(body).encode(), **headers)
        assert 200 <= answer.status < 300, f"POST {path}: {answer}"
        return dict(json.loads(answer.text))

    def _token(self, page: str) -> str:
        found = TOKEN.search((answer := self.get(page)).text)
        assert found, f"{page} carries no form token: {answer}"
        return found[1]

    def _ask(self, path: str, body: bytes | None, **headers: str) -> Answer:
        request = Request(self.url + path, body, {**self._headers, **headers})
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return Answer(answer.status, "", answer.read().decode())
        except HTTPError as answer:  # also a redirect, which we do not follow
            with answer:
                return Answer(answer.code, answer.headers.get("Location", ""), answer.read().decode())


def make_fleet(web: Web, slug: str, tokens: dict[str, str], page: str = "") -> None:
    """Bots, {token: mode}, and a pool with all of them, as the panel's script or a script of a customer makes them."""
    pool = web.post("/api/v1/redirect-pools", {"name": "Campaign", "slug": slug}, page)
    for token, mode in tokens.items():
        bot = web.post("/api/v1/bots", {"token": token, **({"mode": mode} if mode else {})}, page)
        web.post(f"/api/v1/redirect-pools/{pool['id']}/bots", {"bot_id": bot["id"]}, page)


def all_run(web: Web) -> bool:
    """Whether every bot is set up at Telegram: at the first time, what was sent to it before is dropped on purpose."""
    bots = json.loads(web.get("/api/v1/bots").text)["items"]
    return all(bot["status"] == "running" for bot in bots)


def clicked(web: Web, slug: str) -> str:
    """Where a click was sent; empty while no bot may be chosen yet: a new one waits for its first good check."""
    answer = web.get(f"/go/{slug}")
    assert answer.status in (302, 503), f"GET /go/{slug}: {answer}"
    return answer.location


class Person:
    """Somebody at the sandbox who followed a link to a bot and pressed Start."""

    def __init__(self, telegram: Sandbox, link: str) -> None:
        self._telegram = telegram
        self.bot = urlsplit(link).path.strip("/")
        self._id = int(telegram.create_user(first_name="Ana")["id"])
        telegram.start(self._id, self.bot, parse_qs(urlsplit(link).query).get("start", [""])[0])

    def answered(self) -> str:
        """What the bot wrote back; empty while it is silent."""
        said = self._telegram.transcript(self._id, self.bot)
        return next((str(message["text"]) for message in said if message["from"]["is_bot"]), "")
