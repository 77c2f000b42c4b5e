"""From the first bot to a failover that is seen live, by the mouse."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Browser
from tests.browser.installation import Installation


def test_a_wrong_token_is_explained_at_its_field(browser: Browser, installation: Installation) -> None:
    browser.open("/panel/bots#add")
    browser.type("#bot-token", "not a token")
    browser.click("dialog[open] .btn-primary")
    browser.see("Isto não é um token de bot", "dialog[open]")
    assert browser.find("#bot-token").get_attribute("aria-invalid") == "true"
    complaints = browser.complaints()  # the browser itself names the refused request
    assert all("422" in complaint for complaint in complaints)


def test_a_banned_bot_is_seen_to_fall_out_of_the_pool(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    browser.open("/panel/pools")
    browser.click("main h3 a", "Campanha Verão")
    browser.see("2/2 online")
    browser.see("100%")
    installation.sandbox.revoke(fleet[0]["username"])
    browser.see("1/2 online")
    browser.see("O Telegram rejeita o token (401)")
    browser.see("50%")
    browser.see("Degradado → Offline", ".timeline")
    installation.sandbox.restore(fleet[0]["username"])


def test_a_bot_leaves_the_pool_only_after_the_question(browser: Browser, fleet: list[dict[str, Any]]) -> None:
    browser.open("/panel/pools")
    name = f"@{fleet[1]['username']}"
    browser.click("main .pool-card footer button", "Gerenciar bots")
    browser.see(name, "dialog[open]")
    browser.click(f'dialog[open] [aria-label="Remover {name}"]')
    browser.see("Novos visitantes vão na hora para os outros bots", "#confirm")
    browser.click("#confirm button", "Cancelar")
    browser.see("2/10", "dialog[open]")
    browser.click(f'dialog[open] [aria-label="Remover {name}"]')
    browser.click("#confirm button", "Remover")
    browser.see("1/10", "dialog[open]")
    browser.click("dialog[open] label.check", fleet[1]["username"])
    browser.click("dialog[open] button", "Adicionar selecionados")
    browser.see("2/10", "dialog[open]")


def test_a_bots_words_are_changed_in_its_form(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    browser.open("/panel/bots")
    browser.click("main .cell-bot a", fleet[1]["username"])
    browser.click("[role=tab]", "Comportamento")
    field = browser.find("#plugin-start-welcome_message")
    field.clear()
    field.send_keys("Bem-vindo a bordo, {first_name}!")
    browser.click("main button", "Salvar comportamento")
    browser.see("Salvo. O bot responde assim", ".toasts")
    browser.open(str(browser.run("return location.pathname")) + "#behaviour")
    assert (
        browser.find("#plugin-start-welcome_message").get_attribute("value")
        == "Bem-vindo a bordo, {first_name}!"
    )


def test_a_lost_connection_is_told_and_mended(browser: Browser, fleet: list[dict[str, Any]]) -> None:
    browser.open("/panel/pools")
    browser.see("Ao vivo", ".live")
    _network(browser, offline=True)
    browser.see("Conexão perdida", ".live")
    browser.see("não alcança o servidor", ".banner")
    _network(browser, offline=False)
    browser.see("Ao vivo", ".live")
    assert all("ERR_INTERNET_DISCONNECTED" in complaint for complaint in browser.complaints())


def _network(browser: Browser, *, offline: bool) -> None:
    browser.driver.execute_cdp_cmd("Network.enable", {})
    conditions = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)
