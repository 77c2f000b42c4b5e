"""A bot gets a program of its owner's in the panel, and loses it again."""

from __future__ import annotations

import time
from typing import Any

import pytest

from models import Bot, BotWorker
from services.core.i18n import Text
from services.fleet.bots.lifecycle import start_bot
from services.fleet.workers.copies import (
    Copies,
    CopiesState,
    Exit,
    put_copies,
    put_exit,
    put_output,
    put_sample,
)
from services.fleet.workers.registry import NewWorker, end_worker, give_worker
from services.fleet.workers.tokens import resolve_worker
from services.platform.accounts.principal import Principal
from services.platform.redis import work_keys
from services.queueing.heartbeats import Heartbeats
from tests.browser.conftest import DESKTOP, PHONE, Browser
from tests.browser.installation import Installation
from tests.browser.looking import Looked


@pytest.mark.usefixtures("fleet")
def test_a_worker_is_given_its_token_shown_once_and_ended(
    browser: Browser, installation: Installation
) -> None:
    browser.open("/panel/bots/2#worker")
    browser.see("Este bot não tem programa próprio", "#panel-worker")
    browser.click("#panel-worker button", "Dar um worker")
    browser.click("#confirm button", "Dar um worker")
    browser.see("Copie o token agora", "#panel-worker")
    lines = browser.text("#panel-worker pre")
    token = lines.partition("WORKER_TOKEN=")[2].split()[0]
    assert resolve_worker(installation.platform, token).bot_id == 2
    browser.open("/panel/bots/2#worker")
    browser.see("Novo token", "#panel-worker")
    assert token not in browser.text("#panel-worker")
    browser.click("#panel-worker button", "Encerrar o worker")
    browser.click("#confirm button", "Encerrar o worker")
    browser.see("Este bot não tem programa próprio", "#panel-worker")
    with installation.platform.database.reading() as session:
        assert session.get(BotWorker, 2) is None
    assert browser.complaints() == []


def test_copies_of_a_program_are_shown_with_their_ends_and_output_bounded_and_restarted(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    platform = installation.platform
    reason = Text("It exits at once with code {code}", code=3)
    new = NewWorker(
        command="/usr/bin/python3 /srv/bots/echo.py", max_replicas=2, environment={"COLOUR": "blue"}
    )
    with platform.database.reading() as session:
        bot = session.get_one(Bot, 2)
    give_worker(platform, Principal(bot.account_id, "test", is_admin=True), bot.id, new)
    heartbeats = Heartbeats(platform, "programs")
    heartbeats.start()
    with platform.redis.pipeline() as pipe:
        put_copies(pipe, bot.id, Copies(2, CopiesState.RUNNING, reason))
        put_sample(pipe, bot.id, 2, 7)
        put_output(pipe, bot.id, ["listening", "<b>answered</b> 501"])
        put_exit(
            pipe,
            bot.id,
            Exit(time.time() - 90, 0.4, 3, None, reason.for_column(), ["Traceback", "KeyError: 'x'"]),
        )
        pipe.execute()
    looked = Looked()
    for size in (PHONE, DESKTOP):
        browser.resize(size)
        browser.open("/panel/bots/2#worker")
        browser.see("2 agora, de 0 a 2", "#panel-worker")
        browser.see("<b>answered</b> 501", "#panel-worker pre[role=log]")
        browser.see("Termina logo ao iniciar, com o código 3", "#panel-worker")
        assert "KeyError: 'x'" in browser.text("#panel-worker ul pre")
        assert "COLOUR" in browser.text("#panel-worker")
        assert "um comando, iniciado aqui como processos" in browser.text("#panel-worker")
        looked.at(browser, "worker", size[0])
    assert looked == Looked()
    browser.driver.find_element("id", "copies-most").clear()
    browser.type("#copies-most", "5")
    browser.click("#panel-worker form button", "Salvar")
    browser.see("2 agora, de 0 a 5", "#panel-worker")
    browser.click("#panel-worker form button", "Reiniciar cópias")
    browser.click("#confirm button", "Reiniciar cópias")
    browser.see("As cópias estão sendo substituídas.", "body")
    with platform.database.reading() as session:
        worker = session.get_one(BotWorker, bot.id)
        assert (worker.max_replicas, worker.restarted_at is None) == (5, False)
    with platform.redis.pipeline() as pipe:
        put_output(pipe, bot.id, ["and goes on"])
        pipe.execute()
    browser.see("and goes on", "#panel-worker pre[role=log]")
    assert browser.complaints() == []
    heartbeats.stop()
    platform.redis.hdel(work_keys.programs(), str(bot.id))
    end_worker(platform, Principal(bot.account_id, "test"), bot.id)
    start_bot(platform, Principal(bot.account_id, "test"), bot.id)
