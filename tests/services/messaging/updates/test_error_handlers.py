"""What error handlers are told about an update that was given up, and what the owner hears."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from models import Notification
from plugins.base import BasePlugin
from plugins.context import Context
from plugins.router import Router
from services.alerts.notifications.notify import text_of
from services.fleet.plugin_catalogue import offer
from services.operations.dead_letter_watchdog import notify_of_dead_letters
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging.draining import QUICK, handle_all, letters, replies
from tools.servers.fleet import accept_all, add_bot, message

IDENTITY = {"id": 7010, "username": "failing_bot", "token": "7010:" + "A" * 35}


class FailingPlugin(BasePlugin):
    """Fails, and says what its error handler is told."""

    name = "failing"

    def setup_handlers(self, router: Router) -> None:
        router.text()(self.fail)
        router.error()(self.told)

    def fail(self, message: Any, ctx: Context) -> None:
        if message.text not in MISTAKES:
            ctx.send(message.text)
            return
        raise MISTAKES[message.text]("secret words")

    def told(self, error: str, ctx: Context) -> None:
        if error == "EOFError":
            raise asyncio.CancelledError
        chat = {"chat_id": "\ud800"} if error == "OSError" else {}  # half a character cannot be written
        ctx.send(f"told: {error}", **chat)


class OwnError(Exception):
    """Of a plugin's own."""


MISTAKES: dict[str, type[Exception]] = {"key": KeyError, "own": OwnError, "end": EOFError, "half": OSError}
offer(FailingPlugin)


@pytest.mark.parametrize(("text", "told"), [("key", "told: KeyError"), ("own", "told: OwnError")])
def test_an_error_handler_gets_the_class_of_the_exception(platform: Platform, text: str, told: str) -> None:
    bot = add_bot(platform, IDENTITY, (("failing", {}),))
    accept_all(platform, bot, [message(1, 1, text)])
    handle_all(platform)
    assert replies(platform, bot) == [("1", told)]


@pytest.mark.parametrize("text", ["end", "half"])
def test_an_error_handler_that_fails_in_whatever_way_holds_up_nobody(platform: Platform, text: str) -> None:
    bot = add_bot(platform, IDENTITY, (("failing", {}),))
    accept_all(platform, bot, [message(1, 1, text), message(2, 1, "next")])
    handle_all(platform)
    assert len(letters(platform)) == 1
    assert replies(platform, bot) == [("1", "next")]


def test_an_update_that_killed_its_process_is_told_apart(platform: Platform) -> None:
    bot = add_bot(platform, IDENTITY, (("failing", {}),))
    accept_all(platform, bot, [message(1, 1, "key")])
    lane = next(n for n in range(8) if platform.redis.xlen(keys.update_lane(n)))
    entries = dict(platform.redis.xrange(keys.update_lane(lane)) or ())
    platform.redis.hset(keys.update_suspects(lane), next(iter(entries)), 1000)
    handle_all(platform, timings=QUICK)
    assert replies(platform, bot) == [("1", "told: ProcessKilled")]


def test_an_owner_who_wants_it_is_told_of_each_and_never_of_what_is_not_settled(platform: Platform) -> None:
    bot = add_bot(platform, IDENTITY, (("failing", {}), ("error_handler", {"notify_admins": True})))
    accept_all(platform, bot, [message(1, 1, "key"), message(2, 2, "key")])
    handle_all(platform)
    for _ in range(2):
        notify_of_dead_letters(platform)
    with platform.database.reading() as session:
        rows = list(session.scalars(select(Notification).order_by(Notification.id)))
    assert sorted(row.kind for row in rows) == ["dead_letters", "handler_failed", "handler_failed"]
    told = [row for row in rows if row.kind == "handler_failed"]
    assert {row.params["error_id"] for row in told} == {letter.error_id for letter in letters(platform)}
    for row in told:
        assert str(text_of(row)).startswith("⚠️ Bot @failing_bot could not handle a message: KeyError\n")
        assert "secret words" not in str(text_of(row))


def test_what_former_releases_told_of_a_handler_is_never_settled(platform: Platform) -> None:
    add_bot(platform, IDENTITY)
    with platform.database.transaction() as session:
        old = {"error": "failed", "error_id": "AB12CD34", "count": 1, "bot": "failing_bot"}
        session.add(
            Notification(account_id=1, kind="dead_letters", level="warning", dedupe_key="old", params=old)
        )
    assert notify_of_dead_letters(platform) == 0
