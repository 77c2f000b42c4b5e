"""A bot gets a program of its owner's in the panel, and loses it again."""

from __future__ import annotations

import pytest

from models import BotWorker
from services.fleet.workers.tokens import resolve_worker
from tests.browser.conftest import Browser
from tests.browser.installation import Installation


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
    browser.see("Aqui os programas não entram no Redis", "#panel-worker")  # there is no address for them
    browser.click("#panel-worker button", "Encerrar o worker")
    browser.click("#confirm button", "Encerrar o worker")
    browser.see("Este bot não tem programa próprio", "#panel-worker")
    with installation.platform.database.reading() as session:
        assert session.get(BotWorker, 2) is None
    assert browser.complaints() == []
