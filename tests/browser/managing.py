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
    _change(browser, "dialog[open] input[name=capacity_per_hour]", "900")
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


def see_a_refused_value_stay(browser: Browser, username: str) -> None:
    """Type a weight that is too great, then change another field: the weight stays where it was typed, with the reason."""
    browser.open("/panel/pools")
    browser.click("main .pool-card footer button", "Gerenciar bots")
    browser.see(f"@{username}", "dialog[open]")
    row = "dialog[open] .member-row"
    _change(browser, f"{row} input[type=number]", "5000")
    browser.see("Peso: ", f"{row} .field-error")
    _change(browser, f"{row} [name=capacity_per_hour]", "901")
    browser.see("Salvo", ".toasts")
    weight = browser.find(f"{row} input[type=number]")
    assert weight.get_attribute("aria-invalid") == "true"
    assert weight.get_attribute("value") == "5000"
    _change(browser, f"{row} input[type=number]", "1")
    browser.wait(lambda: browser.text(f"{row} .field-error") == "", "corrected")


def click_a_message_above_the_dialog(browser: Browser) -> None:
    """What was said last lies above the open dialog, belongs to it for screen readers, and is dismissed by a click."""
    assert browser.find("dialog[open] .toasts .toast").get_attribute("role") == "status"
    browser.wait(lambda: _dismissed(browser), "every message is dismissed")
    assert browser.text("dialog[open] h2") != "", "the dialog is still there"
    browser.click('dialog[open] [aria-label="Fechar"]')


def change_the_welcome(browser: Browser, username: str) -> None:
    """In the bot's form: a text that Telegram refuses stays with its reason, the mended one is kept."""
    browser.open("/panel/bots")
    browser.click("main .cell-bot a", username)
    browser.click("[role=tab]", "Comportamento")
    field = browser.find("#plugin-start-welcome_message")
    field.clear()
    field.send_keys("Bem-vindo a bordo, {first_name}!")
    field.send_keys(" <b>Oi")
    browser.click("main button", "Salvar comportamento")
    browser.see("Linha 1: <b> não foi fechada; termine com </b>", "#problem-plugin-start-welcome_message")
    assert field.get_attribute("aria-invalid") == "true"
    assert browser.run("return document.activeElement.id") == "plugin-start-welcome_message"
    field.send_keys("</b>")
    browser.click("main button", "Salvar comportamento")
    browser.see("Salvo. O bot responde assim", ".toasts")
    assert browser.text("#problem-plugin-start-welcome_message") == ""
    assert all("422" in complaint for complaint in browser.complaints())
    browser.open(str(browser.run("return location.pathname")) + "#behaviour")
    assert (
        browser.find("#plugin-start-welcome_message").get_attribute("value")
        == "Bem-vindo a bordo, {first_name}! <b>Oi</b>"
    )


def _dismissed(browser: Browser) -> bool:
    shown = browser.driver.find_elements("css selector", ".toast button")
    if shown:
        shown[-1].click()  # refused by the browser where something lies above it
    return not shown


def _change(browser: Browser, selector: str, value: str) -> None:
    script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))"
    browser.run(script, browser.find(selector), value)
