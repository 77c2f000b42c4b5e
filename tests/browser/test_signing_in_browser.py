"""Signing in with a real Chromium: what is left when it was closed, and the password that is asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.sessions import SecureCookieSessionInterface
from selenium import webdriver

from app import create_app
from services.fleet.bots.registry import list_bots, register_bot
from services.platform.accounts.accounts import command_principal, get_account_by_email
from services.platform.accounts.api_keys import create_key, list_keys, resolve_key
from services.platform.platform import Platform
from tests.browser.conftest import ARGUMENTS, CHROMIUM, DESKTOP, DRIVER, PHONE, Browser
from tests.browser.installation import EMAIL, PASSWORD, Installation
from web.login import CONFIRMED_AT

COOKIE = "flotilla"


@contextmanager
def chromium(installation: Installation, profile: Path) -> Iterator[Browser]:
    """A Chromium of its own, which keeps in `profile` what a real one keeps when it is closed."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    browser = Browser(driver, installation.url)
    browser.resize(DESKTOP)
    try:
        yield browser
    finally:
        driver.quit()


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Browser]:
    """The shared Chromium as one that nobody has signed in with; afterwards it is signed in as before."""
    ask = browser.driver.execute_cdp_cmd
    browser.driver.get("about:blank")  # a page of ours would ask for more, and not know the cookie any longer
    kept = ask("Network.getCookies", {"urls": [browser.url]})["cookies"]
    ask("Network.clearBrowserCookies", {})
    yield browser
    browser.driver.get("about:blank")
    ask("Network.clearBrowserCookies", {})
    ask("Network.setCookies", {"cookies": kept})


def sign_in(browser: Browser, *, remember: bool = False) -> None:
    """As a person does it, at the page that asks for it."""
    browser.open("/panel")
    browser.type("[name=email]", EMAIL)
    browser.type("[name=password]", PASSWORD)
    if remember:
        browser.click("main label.check", "Continuar conectado")
    browser.click("main form button", "Entrar")
    browser.see("Visão geral")


def let_grow_stale(browser: Browser, installation: Installation) -> None:
    """Give the browser its own cookie as it would be half an hour after the password was typed."""
    signer = SecureCookieSessionInterface().get_signing_serializer(
        create_app(Platform(installation.platform.settings))
    )
    cookie: dict[str, Any] | None = browser.driver.get_cookie(COOKIE)
    assert signer is not None
    assert cookie is not None
    values = signer.loads(cookie["value"])
    browser.driver.add_cookie(
        {**cookie, "value": signer.dumps({**values, CONFIRMED_AT: values[CONFIRMED_AT] - 1800})}
    )


def test_only_who_wants_to_be_remembered_is_still_signed_in_after_closing_the_browser(
    installation: Installation, tmp_path: Path
) -> None:
    with chromium(installation, tmp_path) as browser:
        sign_in(browser)
    with chromium(installation, tmp_path) as browser:
        browser.open("/panel/account")
        browser.see("Continuar conectado neste navegador")
        assert browser.text("h1") == "Entrar"
        sign_in(browser, remember=True)
    with chromium(installation, tmp_path) as browser:
        browser.open("/panel/account")
        browser.see("continua conectado")
        assert browser.text("h1") == "Minha conta"


def test_deleting_a_bot_long_after_the_sign_in_asks_for_the_password_and_goes_on(
    installation: Installation, stranger: Browser
) -> None:
    owner = command_principal(get_account_by_email(installation.platform, EMAIL))
    bot = register_bot(installation.platform, owner, installation.sandbox.create_bot()["token"])
    sign_in(stranger)
    stranger.open("/panel/bots")
    stranger.see(f"@{bot.username}")
    let_grow_stale(stranger, installation)
    stranger.click(f'main [aria-label="Excluir @{bot.username}"]')
    stranger.click("#confirm button", "Excluir bot")
    stranger.see("Digite sua senha de novo para continuar", "#confirm-password")
    stranger.type("#confirm-password [name=password]", "not the password\n")
    stranger.see("A senha está errada", "#confirm-password")
    stranger.click("#confirm-password button", "Cancelar")
    stranger.see("Digite sua senha de novo", ".toasts")
    assert bot.id in {each.id for each in list_bots(installation.platform, owner)}
    stranger.click(f'main [aria-label="Excluir @{bot.username}"]')
    stranger.click("#confirm button", "Excluir bot")
    stranger.type("#confirm-password [name=password]", f"{PASSWORD}\n")
    stranger.see("O bot foi excluído", ".toasts")
    assert bot.id not in {each.id for each in list_bots(installation.platform, owner)}
    assert [said for said in stranger.complaints() if "403" not in said] == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_a_key_is_made_after_a_page_that_asks_for_the_password_and_gives_back_what_was_typed(
    installation: Installation, stranger: Browser, size: tuple[int, int]
) -> None:
    owner = command_principal(get_account_by_email(installation.platform, EMAIL))
    stranger.resize(size)
    sign_in(stranger)
    stranger.open("/panel/account")
    stranger.type("#key-name", f"Relatório {size[0]}")
    let_grow_stale(stranger, installation)
    stranger.click("main button", "Criar chave")
    stranger.see("Confirme sua senha")
    assert stranger.run("return document.documentElement.scrollWidth <= window.innerWidth")
    stranger.type("#password", PASSWORD)
    stranger.click("main form button", "Confirmar")
    assert stranger.find("#key-name").get_attribute("value") == f"Relatório {size[0]}"
    stranger.click("main button", "Criar chave")
    stranger.find("#new-key")
    assert f"Relatório {size[0]}" in {key.name for key in list_keys(installation.platform, owner)}
    assert stranger.complaints() == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_revoking_a_key_asks_what_becomes_of_those_it_made(
    installation: Installation, stranger: Browser, size: tuple[int, int]
) -> None:
    platform = installation.platform
    owner = command_principal(get_account_by_email(platform, EMAIL))
    maker, text = create_key(platform, owner, name=f"Robô {size[0]}")
    made, _ = create_key(platform, resolve_key(platform, text, ""), name="Relatório")
    stranger.resize(size)
    sign_in(stranger)
    stranger.open("/panel/account")
    stranger.see(f"criada por flk_{maker.key_id}_…")
    stranger.see("revogar também as chaves que ela criou: 1")
    assert stranger.run("return document.documentElement.scrollWidth <= window.innerWidth")
    assert stranger.run("return document.querySelector('[name=made_too]').closest('.body').offsetWidth > 100")
    stranger.click(f"form[action*='{maker.key_id}'] button", "Revogar")
    stranger.click("#confirm button", "Revogar")
    stranger.wait(
        lambda: not {maker.key_id, made.key_id} & {key.key_id for key in list_keys(platform, owner)},
        "both keys revoked",
    )
    assert stranger.complaints() == []
