"""Dead letters of a bot in the running installation, and what a person does about them on their page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver.support.ui import Select
from sqlalchemy import delete, select

from models import Bot, DeadLetter
from services.alerts.dead_letters.store import new_error_id, sealed_original, store
from services.core.times import utc_now
from services.platform.platform import Platform
from tests.browser.conftest import Browser

CHAT = 987_654_321  # who writes a word that no plugin answers


@contextmanager
def dead_letters(platform: Platform, username: str) -> Iterator[None]:
    """Two updates of one cause, one of another, a broken body, and a send that may have arrived."""
    _add(platform, username, "update", "KeyError: first", 1)
    _add(platform, username, "update", "KeyError: first", 2)
    _add(platform, username, "update", "ValueError: second", 3)
    _add(platform, username, "intake", "The body was no update", 4)
    _add(platform, username, "send", "Read timed out", 5)
    yield
    with platform.database.transaction() as session:
        session.execute(delete(DeadLetter))


def outcomes(platform: Platform) -> dict[str, list[str]]:
    """What became of the letters of each cause: their resolution, or their state while there is none."""
    found: dict[str, list[str]] = {}
    with platform.database.reading() as session:
        for letter in session.scalars(select(DeadLetter).order_by(DeadLetter.id)):
            cause = letter.error.splitlines()[-1]
            found.setdefault(cause, []).append(letter.resolution or letter.state)
    return found


def _add(platform: Platform, username: str, kind: str, error: str, number: int) -> None:
    with platform.database.transaction() as session:
        bot_id = session.scalars(select(Bot.id).where(Bot.username == username)).one()
        original = {"chat": str(CHAT), "request": f"letter{number}", "update": _update(number)}
        store(
            session,
            kind=kind,
            source_id=f"browser:{number}:{new_error_id()}",
            error=f"Traceback (most recent call last):\n{error}",
            where=error,
            bot_id=bot_id,
            payload={"update_id": 10_000 + number},
            sealed_payload=sealed_original(platform.vault, bot_id, original) if kind == "update" else "",
            is_uncertain=kind == "send",
        )


def _update(number: int) -> str:
    person = {"id": CHAT, "is_bot": False, "first_name": "Ana"}
    chat = {"id": CHAT, "type": "private", "first_name": "Ana"}
    at = int(utc_now().timestamp())
    message = {"message_id": number, "date": at, "chat": chat, "from": person, "text": "hm"}
    return json.dumps({"update_id": 10_000 + number, "message": message})


def filter_letters(browser: Browser) -> None:
    """By kind; and what can't be replayed says so."""
    browser.open("/panel/dead-letters")
    _rows(browser, 4)
    Select(browser.find("#letters-kind")).select_by_visible_text("Corpo inválido")
    _rows(browser, 1)
    Select(browser.find("#letters-kind")).select_by_visible_text("Todos os tipos")
    _rows(browser, 4)
    browser.click(".list-wrap button", "Reenviar")  # of the newest cause, which has nothing to replay
    browser.see("Nada disso pode ser reenviado", ".toasts")


def replay_one(browser: Browser, platform: Platform) -> None:
    """One cause, one letter looked at and replayed after the dry run has counted it."""
    browser.click('[aria-label="Mostrar KeyError: first"]')
    _rows(browser, 2)
    browser.click(".table-letters button", "Detalhes")
    browser.see("KeyError: first", "dialog[open] pre")
    browser.click('dialog[open] [aria-label="Fechar"]')
    browser.click(".table-letters tbody input")
    browser.see("1 selecionada")
    browser.click("main button", "Reenviar selecionadas")
    browser.see("Reenviar 1?", "#confirm")  # a dry run has counted
    browser.click("#confirm button", "Cancelar")
    assert outcomes(platform)["KeyError: first"] == ["open", "open"], "the count alone sends nothing"
    browser.click("main button", "Reenviar selecionadas")
    browser.click("#confirm button", "Reenviar")
    _outcome(browser, platform, "KeyError: first", ["open", "replayed"])


def replay_all(browser: Browser, platform: Platform) -> None:
    """Everything that matches, after the question."""
    browser.click("main button", "Todas as causas")
    _rows(browser, 3)
    browser.click("main button", "Reenviar todas")
    browser.see("Reenviar 2?", "#confirm")
    browser.click("#confirm button", "Reenviar")
    _outcome(browser, platform, "KeyError: first", ["replayed", "replayed"])
    _outcome(browser, platform, "ValueError: second", ["replayed"])


def discard_one(browser: Browser, platform: Platform) -> None:
    """A cause with a reason; what may have arrived stays."""
    _rows(browser, 1)
    browser.click('[aria-label="Descartar The body was no update"]')
    browser.type("#discard-reason", "um teste meu")
    browser.click("dialog[open] .btn-danger-solid", "Descartar")
    _outcome(browser, platform, "The body was no update", ["discarded: um teste meu"])
    browser.click("main .segmented button", "Resolvidas")
    browser.see("Descartada: um teste meu")
    assert outcomes(platform)["Read timed out"] == ["open"], "what may have arrived is chosen by hand"
    browser.click("main .segmented button", "Talvez entregues")
    _rows(browser, 1)


def _rows(browser: Browser, count: int) -> None:
    """Wait until so many dead letters are listed."""
    selector = ".table-letters tbody tr"
    browser.wait(
        lambda: len(browser.driver.find_elements("css selector", selector)) == count, f"not {count} letters"
    )


def _outcome(browser: Browser, platform: Platform, cause: str, wanted: list[str]) -> None:
    browser.wait(lambda: outcomes(platform)[cause] == wanted, f"{cause} did not become {wanted}")
