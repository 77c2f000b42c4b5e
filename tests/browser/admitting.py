"""Saying on a bot's page whom it answers."""

from __future__ import annotations

from models import Bot, Lead
from tests.browser.conftest import Browser
from tests.browser.installation import Installation


def block_and_answer_again(browser: Browser, installation: Installation) -> None:
    """Find somebody, block them for an hour, let them in again, and name an administrator."""
    with installation.platform.database.transaction() as session:
        bot = session.get_one(Bot, 1)
        session.add(Lead(account_id=bot.account_id, bot_id=1, telegram_id=2**40, first_name="Beatriz"))
    browser.open("/panel/bots/1#users")
    browser.see("Beatriz", "#panel-users")
    browser.type("#people-search", "beat")
    browser.click("#panel-users tbody .btn", "1 h")
    browser.see("Bloqueado até", "#panel-users tbody")
    browser.see(str(2**40), "#panel-users .access-list")
    browser.click("#panel-users tbody .btn", "Desbloquear")
    browser.wait(
        lambda: str(2**40) not in browser.text("#panel-users .access-list"), "she is still in the list"
    )
    browser.click("#panel-users .segmented button", "Administradores")
    browser.type("#access-id", "777")
    browser.click("#panel-users form .btn-primary")
    browser.see("777", "#panel-users .access-list")
