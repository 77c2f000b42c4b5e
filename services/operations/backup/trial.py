"""A click and a chat in a restored place, through the code that serves people."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import select

from models import Account, Bot, BotMode, BotPlugin, Click, MemberStatus, PoolBot, PoolSlug, RedirectPool
from services.core.errors import FlotillaError
from services.core.i18n import Text
from services.core.times import utc_now
from services.fleet.pools.snapshot import publish_all
from services.messaging.outbox.senders import Senders
from services.messaging.outbox.timings import OutboxTimings
from services.messaging.updates.intake import Intake
from services.messaging.updates.timings import UpdateTimings
from services.messaging.updates.update_consumers import UpdateConsumers
from services.platform.platform import Platform
from services.queueing.lanes import lane_of
from services.traffic.clicks.flush import flush
from services.traffic.clicks.redirect import Kind, Redirector

PERSON: Final = {  # a click of somebody at a telephone, from an address of RFC 5737
    "REQUEST_METHOD": "GET",
    "HTTP_USER_AGENT": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1",
    "REMOTE_ADDR": "203.0.113.5",
}
WORDS: Final = "/echo restored"
CHAT: Final = 1_000_000_007
PATIENCE_SECONDS: Final = 30.0


class TrialTelegram:
    """A Bot API that agrees to everything, on a port of this machine, for one trial; `calls` are (method, parameters)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        calls = self.calls

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                calls.append((self.path.rpartition("/")[2], json.loads(body or b"{}")))
                chat = {"id": CHAT, "type": "private", "first_name": "Ana"}
                result = {"message_id": len(calls), "date": int(time.time()), "chat": chat, "text": "-"}
                data = json.dumps({"ok": True, "result": result}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """The path holds a token."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True, name="trial").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def try_click(place: Platform) -> None:
    """Click a link of each pool until one leads to a bot, or one of our own if none does; its row must come."""
    redirector = Redirector(place)
    try:
        publish_all(place)
        outcome = _click(place, redirector)
        if outcome is None:
            add_trial_pool(place)
            publish_all(place)
            redirector.book.refresh()
            outcome = _click(place, redirector)
    finally:
        redirector.stop()
    if outcome is None:
        raise unusable(Text("no link leads to a bot"))
    flush(place)
    with place.database.reading() as session:
        if session.get(Click, outcome) is None:
            raise unusable(Text("a click did not become a row"))


def _click(place: Platform, redirector: Redirector) -> str | None:
    """The id of a click that was led to a bot; None when no link leads to one."""
    redirector.start()
    with place.database.reading() as session:
        slugs = session.scalars(select(PoolSlug.slug).order_by(PoolSlug.slug).limit(100)).all()
    for slug in slugs:
        outcome = redirector.answer(slug, dict(PERSON))
        if outcome.kind is Kind.BOT:
            return outcome.click_id
    return None


def try_chat(place: Platform, telegram: TrialTelegram, patience: float = PATIENCE_SECONDS) -> None:
    """A person writes to a bot of our own, and its answer must arrive at Telegram."""
    bot_id = add_trial_bot(place)
    before = len(telegram.calls)
    stopping = threading.Event()
    Intake(place).accept(bot_id, _message())
    deadline = time.monotonic() + patience
    consumers = UpdateConsumers(place, stopping, UpdateTimings(idle_timeout=0.3, read_timeout=0.1))
    senders = Senders(place, stopping, OutboxTimings(idle_timeout=0.3, read_timeout=0.1))
    lanes = place.settings.update_lanes
    try:
        while not _answered(telegram, before):
            if time.monotonic() > deadline:
                raise unusable(Text("a bot did not answer a message"))
            consumers.consume(lane_of(bot_id, str(CHAT), lanes))
            senders.send_shard(bot_id % lanes)
    finally:
        stopping.set()
        consumers.stop()


def _answered(telegram: TrialTelegram, before: int) -> bool:
    return any(
        str(call.get("chat_id")) == str(CHAT) and "restored" in str(call.get("text"))
        for method, call in telegram.calls[before:]
        if method == "sendMessage"
    )


def _message() -> dict[str, Any]:
    person = {"id": CHAT, "is_bot": False, "first_name": "Ana", "language_code": "pt-br"}
    chat = {"id": CHAT, "type": "private", "first_name": "Ana"}
    command = {"type": "bot_command", "offset": 0, "length": 5}
    message = {"message_id": 1, "date": int(time.time()), "from": person, "chat": chat, "text": WORDS}
    return {"update_id": 1, "message": {**message, "entities": [command]}}


def add_trial_bot(place: Platform) -> int:
    """A bot of an account of its own that says again what it is told; its id."""
    number = 9_000_000_000_000 + int(token_hex(4), 16)
    with place.database.transaction() as session:
        account = Account(email=f"{token_hex(8)}@trial.invalid", password_hash="-")  # noqa: S106 - nobody signs in
        session.add(account)
        session.flush()
        bot = Bot(
            account_id=account.id,
            public_id=f"bot_{token_hex(6)}",
            telegram_bot_id=number,
            username=f"trial_{token_hex(4)}_bot",
            sealed_token="-",  # noqa: S106 - replaced below
            mode=BotMode.WEBHOOK,
            path_id=token_hex(16),
        )
        bot.plugins = [BotPlugin(position=0, name="echo", config={})]
        session.add(bot)
        session.flush()
        bot.sealed_token = place.vault.seal(f"{number}:{'t' * 35}", owner=f"bot:{bot.id}")
        return bot.id


def add_trial_pool(place: Platform) -> None:
    """A pool whose one member is a trial bot, for a place without a link that works."""
    bot_id = add_trial_bot(place)
    with place.database.transaction() as session:
        bot = session.get_one(Bot, bot_id)
        slug = f"trial-{token_hex(6)}"
        pool = RedirectPool(account_id=bot.account_id, name=slug, slug=slug)
        session.add(pool)
        session.flush()
        session.add(PoolSlug(slug=slug, pool_id=pool.id))
        joined = utc_now() - timedelta(hours=1)
        pool.members = [PoolBot(bot_id=bot_id, status=MemberStatus.ONLINE, added_at=joined)]


def unusable(reason: Text) -> FlotillaError:
    """What to say of a backup that did not come to life."""
    return FlotillaError(
        Text("The backup does not work: {reason}", reason=str(reason)), code="backup_unusable"
    )
