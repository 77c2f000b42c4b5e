"""What the screens hold to whatever the fleet's size: pages, Telegram's limits, the reader's language, a state that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select, update

from models import Bot, PoolBot, RedirectPool
from plugins.fleet import Fleet, Screen
from services.core.i18n import Text
from services.fleet.bots.registry import register_bot
from services.fleet.bots.status import write_status
from services.fleet.pools.fields import NewPool, PoolChange
from services.fleet.pools.pools import create_pool, update_pool
from services.operations.manager.ensuring import ensure_manager, manager_of
from services.operations.readiness import readiness
from services.platform.accounts.accounts import command_principal
from services.platform.platform import Platform
from tests.blueprints.people import make_account
from tests.services.operations.manager.test_desk import bots_of, fleet_of, linked, said
from tools.servers.sandbox import Sandbox

TEXT_LIMIT, BUTTON_LIMIT = 4096, 100  # Telegram's, of a message
ENGLISH_WORDS = re.compile(r"\b(paused|unknown|running|members|Page|ago|Last|Which)\b")


def labels(screen: Screen | None) -> list[str]:
    return [button.text for row in screen.buttons for button in row] if screen else []


def every_page(fleet: Fleet, screen: Screen | None) -> Iterator[Screen]:
    """The screen and those behind its pager, as long as each fits into a message."""
    while screen is not None:
        assert len(screen.text.encode("utf-16-le")) // 2 <= TEXT_LIMIT
        assert len(labels(screen)) <= BUTTON_LIMIT
        yield screen
        onward = [button for row in screen.buttons for button in row if button.text == "▶️" and button.action]
        screen = fleet.tap(onward[0].action, onward[0].payload) if onward else None


def test_whatever_is_long_has_pages_that_show_everything_and_fit_into_messages(platform: Platform) -> None:
    owner = make_account(platform)
    caller, fleet = command_principal(owner), linked(platform, 5, owner)
    for empty in ("start_bot", "reload", "logs", "status", "list"):
        assert said(fleet.command(empty, "")).startswith("You have no bots yet")
    for empty in ("pool", "pause_pool", "pools"):
        assert said(fleet.command(empty, "")).startswith("You have no pools yet")
    bots_of(platform, owner, 50)
    for number in range(21):
        slug = f"pool{number:02}"
        create_pool(platform, caller, NewPool(name=f"{'Red' * 30} {number:02}", slug=slug, max_bots=100))
    with platform.database.reading() as session:
        names = set(session.scalars(select(Bot.username)))
        pool_id, pools = (
            session.scalar(select(RedirectPool.id)),
            set(session.scalars(select(RedirectPool.name))),
        )
        bots = session.scalars(select(Bot.id)).all()
    with platform.database.transaction() as session:
        session.add_all(PoolBot(pool_id=pool_id, bot_id=bot_id) for bot_id in bots)
    for command in ("start_bot", "stop_bot", "restart_bot", "reload", "logs"):
        pages = [*every_page(fleet, fleet.command(command, ""))]
        assert {label for page in pages for label in labels(page)} - {"◀️", "▶️"} == {
            f"@{name}" for name in names
        }
    for command in ("pool", "pause_pool", "pools"):
        pages = [*every_page(fleet, fleet.command(command, ""))]
        assert {label for page in pages for label in labels(page)} - {"◀️", "▶️"} == pools
    for command in ("health", "stats"):
        text = "".join(page.text for page in every_page(fleet, fleet.command(command, "")))
        assert [name for name in pools if name not in text] == []
    text = "".join(page.text for page in every_page(fleet, fleet.command("pool", "pool00")))
    assert [name for name in names if name not in text] == []
    for action, payload in (("status", "49"), ("list", "49"), ("pools", "49"), ("members", f"49:{pool_id}")):
        assert len(said(fleet.tap(action, payload))) > 100, (
            "a page that is gone by now is the last or the first one"
        )
    assert "Bots running: 45/50" in said(fleet.command("health", "")), "as /status says"
    assert said(fleet.command("status", "")).endswith("Summary: 45/50 running\nPage 1 of 3")
    assert said(fleet.command("status", "zzzz")).count("@") == 3, "the three nearest, however far"


def test_what_is_said_is_in_the_reader_s_language_throughout(platform: Platform) -> None:
    owner = make_account(platform)
    caller = command_principal(owner)
    linked(platform, 5, owner)
    bots_of(platform, owner, 21)
    pool = create_pool(platform, caller, NewPool(name="Vermelho", slug="red1"))
    update_pool(platform, caller, pool.id, PoolChange(is_active=False))
    fleet = fleet_of(platform, 5, "pt-br")
    for command, args in (
        ("status", ""),
        ("status", "red0001_bot"),
        ("pool", "red1"),
        ("list", ""),
        ("logs", ""),
    ):
        assert ENGLISH_WORDS.findall(said(fleet.command(command, args))) == [], command


def test_a_manager_that_does_not_work_says_why_where_the_installation_s_state_is_read(
    platform: Platform, sandbox: Sandbox
) -> None:
    boss = command_principal(make_account(platform, "boss@example.com", admin=True))
    own = sandbox.create_bot(username="own_bot")["token"]
    register_bot(platform, boss, own)
    good = sandbox.create_bot(username="boss_bot")["token"]
    full: dict[str, Any] = {"quota_bots": 1}  # which the administrator's own bot takes
    assert "does not work: This is not a bot token" in _trouble(platform, "123")
    assert "of a bot that is registered here" in _trouble(platform, own)
    assert "not set up yet" in _trouble(platform, good, ensure=False)
    assert _trouble(platform, good, **full) == ""
    bot = manager_of(platform)
    assert bot is not None
    write_status(platform, bot, None, Text("Another program uses this token"), "polled_elsewhere")
    assert "Another program uses this token" in _trouble(platform, good)
    assert "of a bot that is registered here" in _trouble(platform, own), (
        "though the former one is there still"
    )
    with platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.is_manager).values(sealed_token="sealed with a lost key"))
    assert "not set up yet" in _trouble(platform, good, ensure=False)
    assert "not set up yet" not in _trouble(platform, good), "the setting has the token still"


def _trouble(platform: Platform, token: str, *, ensure: bool = True, **settings: Any) -> str:
    given = {"manager_bot_token": SecretStr(token), **settings}
    changed = Platform(platform.settings.model_copy(update=given))
    if ensure:
        ensure_manager(changed)
    found = [one.sentence for one in readiness(changed).findings if one.code == "manager_bot_failed"]
    return str(found[0]) if found else ""
