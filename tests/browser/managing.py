"""What the dialog "manage bots" changes, as a person does it."""

from __future__ import annotations

from sqlalchemy import select

from models import PoolBot
from tests.browser.conftest import Browser
from tests.browser.installation import Installation


def set_planned_clicks(browser: Browser, installation: Installation, username: str) -> None:
    """Change the planned clicks an hour of the first bot of the pool's card, and see them saved."""

    def planned() -> list[int]:
        with installation.platform.database.reading() as session:
            return sorted(session.scalars(select(PoolBot.capacity_per_hour)))

    browser.open("/panel/pools")
    browser.click("main .pool-card footer button", "Gerenciar bots")
    browser.see(f"@{username}", "dialog[open]")
    assert 900 not in planned()
    field = browser.find("dialog[open] input[name=capacity_per_hour]")
    browser.run("arguments[0].value = 900; arguments[0].dispatchEvent(new Event('change'))", field)
    browser.wait(lambda: 900 in planned(), "saved")


def remove_and_add_again(browser: Browser, username: str) -> None:
    """Take one of two bots out of the pool, which asks first, and put it back."""
    browser.open("/panel/pools")
    name = f"@{username}"
    browser.click("main .pool-card footer button", "Gerenciar bots")
    browser.see(name, "dialog[open]")
    browser.click(f'dialog[open] [aria-label="Remover {name}"]')
    browser.see("Novos visitantes vão na hora para os outros bots", "#confirm")
    browser.click("#confirm button", "Cancelar")
    browser.see("2/10", "dialog[open]")
    browser.click(f'dialog[open] [aria-label="Remover {name}"]')
    browser.click("#confirm button", "Remover")
    browser.see("1/10", "dialog[open]")
    browser.click("dialog[open] label.check", username)
    browser.click("dialog[open] button", "Adicionar selecionados")
    browser.see("2/10", "dialog[open]")
