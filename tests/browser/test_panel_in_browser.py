"""The panel in a real browser, by mouse, keyboard and screen reader: one file, so that one installation is started."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from sqlalchemy import update

from models import Bot, BotStatus, MemberStatus, PoolBot, RedirectPool
from services.core.times import utc_now
from tests.browser import (
    admitting,
    connecting,
    letters,
    looking,
    managing,
    many,
    splitting,
    unwatched,
)
from tests.browser.conftest import PHONE, Browser
from tests.browser.installation import Installation
from tests.browser.looking import AXE, Looked


def test_a_wrong_token_is_explained_at_its_field(browser: Browser, installation: Installation) -> None:
    browser.open("/panel/bots#add")
    browser.type("#bot-token", "not a token")
    browser.click("dialog[open] .btn-primary")
    browser.see("Isto não é um token de bot", "dialog[open]")
    assert browser.find("#bot-token").get_attribute("aria-invalid") == "true"
    assert all("422" in said for said in browser.complaints())  # the browser names the refused request


def test_a_click_is_counted_in_the_analytics_and_explained(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    browser.open("/panel/pools")
    browser.click("main h3 a", "Campanha Verão")
    browser.see("2/2 online")
    for source in ("instagram", "instagram", "=formula"):
        splitting.visit(f"{installation.url}/go/campanha-verao?utm_source={source}")
    browser.wait(lambda: splitting.clicks(installation) == 3, "the clicks are flushed")
    browser.click("main a", "Analytics")
    browser.see("instagram")
    browser.see("Celular")
    assert "3" in browser.text(".facts .fact dd")
    browser.click(".recent button", "Explicar")
    browser.see("Rodízio", "dialog[open]")
    browser.see("escolhido", "dialog[open]")
    browser.click("dialog[open] .btn-icon")
    browser.click(".filters button", "Hoje")
    browser.wait(lambda: browser.find(".filters [aria-pressed=true]").text == "Hoje", "today")
    splitting.show_one_source_alone(browser, "instagram", "2", other="=formula")


def test_many_bots_are_pasted_chosen_tagged_and_found(browser: Browser, fleet: list[dict[str, Any]]) -> None:
    many.paste_tag_and_find(browser, fleet[0], "vip")


def test_a_banned_bot_is_seen_to_fall_out_of_the_pool(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    browser.open("/panel/pools")
    browser.click("main h3 a", "Campanha Verão")
    browser.see("2/2 online")
    browser.see("100%")
    installation.sandbox.revoke(fleet[1]["username"])
    browser.see("1/2 online")
    assert fleet[1]["username"] in browser.text("main tbody"), "who needs somebody stands first"
    browser.see("O Telegram rejeita o token (401)")
    browser.see("50%")
    browser.see("Degradado → Offline", ".timeline")
    browser.wait(lambda: browser.driver.title == "(1 fora) Campanha Verão · Flotilla", "the title tells")
    assert browser.run("return document.querySelector('link[rel=icon]').href.includes('favicon-down')")
    installation.sandbox.restore(fleet[1]["username"])


@pytest.mark.usefixtures("fleet")
def test_a_hidden_tab_asks_seldom_and_notifies_once_of_a_bot_that_went_down(browser: Browser) -> None:
    browser.open("/panel/pools/1")
    browser.see("Ao vivo", ".live")
    assert unwatched.notices_of_a_bot_that_goes_down(browser) == [
        ["(1 fora) Campanha Verão · Flotilla", "@gone_bot: Offline"]
    ]
    assert unwatched.polls_when_hidden(browser) == [30_000]


def test_a_bot_shows_its_layers_and_what_they_mean(browser: Browser, fleet: list[dict[str, Any]]) -> None:
    browser.open("/panel/pools/1")
    for layer in ("Identidade", "Entrega", "Conversão"):
        browser.see(layer, ".layers")
    assert len(browser.driver.find_elements("css selector", ".layers .layer .icon")) == 3 * len(fleet)
    browser.see("0 de 200 cliques maduros", ".layers")
    details = browser.find(".layers-line button")
    assert details.get_attribute("aria-expanded") == "false"
    browser.click(".layers-line button", "Detalhes")
    browser.see("Taxa usual", ".row-details")
    assert details.get_attribute("aria-expanded") == "true"


@pytest.mark.usefixtures("fleet")
def test_on_the_phone_healthy_layers_are_one_line_until_the_details_are_opened(browser: Browser) -> None:
    browser.resize(PHONE)
    looking.see_healthy_layers_fold(browser)
    browser.open("/panel/bots/1#redirection")
    browser.click("main .pool-card summary")
    browser.see("token verificado", ".layers-short .is-online .layer-reason")


@pytest.mark.usefixtures("fleet")
def test_the_notice_of_a_wave_without_a_backup_is_closed_and_reverts_nothing(
    browser: Browser, installation: Installation
) -> None:
    with installation.platform.database.transaction() as session:
        session.execute(update(RedirectPool).where(RedirectPool.id == 1).values(wave_at=utc_now()))
    browser.open("/panel/pools/1")
    browser.see("Não havia reserva", ".wave")
    assert "Reverter" not in browser.text(".wave")
    browser.click(".wave button", "Fechar este aviso")
    browser.see("O aviso foi fechado", ".toasts")
    browser.wait(lambda: browser.text(".wave") == "", "the wave's banner is gone")


@pytest.mark.usefixtures("fleet")
def test_start_pressed_in_telegram_is_noticed_in_the_open_dialog(
    browser: Browser, installation: Installation
) -> None:
    with installation.platform.database.transaction() as session:  # a bot that was banned above is well again
        session.execute(update(PoolBot).values(status=MemberStatus.ONLINE))
        session.execute(update(Bot).values(status=BotStatus.RUNNING))
    connecting.connect_two_bots(browser, installation.sandbox)


def test_a_bots_planned_clicks_are_set_where_bots_are_managed(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    managing.set_planned_clicks(browser, installation, fleet[0]["username"])


def test_a_refused_value_stays_with_its_reason_and_messages_lie_above_the_dialog(
    browser: Browser, fleet: list[dict[str, Any]]
) -> None:
    managing.see_a_refused_value_stay(browser, fleet[0]["username"])
    managing.click_a_message_above_the_dialog(browser)
    assert all("422" in complaint for complaint in browser.complaints())


def test_a_bot_leaves_the_pool_only_after_the_question(browser: Browser, fleet: list[dict[str, Any]]) -> None:
    managing.remove_and_add_again(browser, fleet[1]["username"])


def test_dead_letters_are_filtered_looked_at_replayed_and_discarded(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    with letters.dead_letters(installation.platform, fleet[1]["username"]):
        letters.filter_letters(browser)
        letters.replay_one(browser, installation.platform)
        letters.replay_all(browser, installation.platform)
        letters.discard_one(browser, installation.platform)


def test_an_experiment_splits_a_links_visitors_over_two_pools(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    splitting.create_second_pool(browser, fleet[1]["username"])
    splitting.create_experiment(browser, "Saudação curta ou longa")
    found = splitting.split_visitors(browser, installation, "campanha-verao", 30)
    assert set(found) == {"Campanha Verão", splitting.SECOND}
    browser.see("Ainda é cedo para decidir", "main .notice")


@pytest.mark.usefixtures("fleet")
def test_rules_are_written_and_ordered_by_keyboard(browser: Browser, installation: Installation) -> None:
    splitting.write_rules(browser)
    assert splitting.rules_of(installation) == [["query"], ["languages"]]


def test_a_bots_words_are_changed_in_its_form(browser: Browser, fleet: list[dict[str, Any]]) -> None:
    managing.change_the_welcome(browser, fleet[1]["username"])


def test_a_lost_connection_is_told_and_mended(browser: Browser, fleet: list[dict[str, Any]]) -> None:
    browser.open("/panel/pools")
    browser.see("Ao vivo", ".live")
    still = "return document.getAnimations().length === 0"
    browser.wait(lambda: browser.run(still), "who asked for less motion sees something move")
    unwatched.set_network(browser, offline=True)
    browser.see("Conexão perdida", ".live")
    browser.see("não alcança o servidor", ".banner")
    unwatched.set_network(browser, offline=False)
    browser.see("Ao vivo", ".live")
    assert all("ERR_INTERNET_DISCONNECTED" in complaint for complaint in browser.complaints())


@pytest.mark.usefixtures("fleet")
def test_a_person_is_blocked_for_an_hour_and_answered_again(
    browser: Browser, installation: Installation
) -> None:
    admitting.block_and_answer_again(browser, installation)


@pytest.fixture(scope="module", params=range(looking.PARTS))
def part(request: pytest.FixtureRequest) -> int:
    """Some of the pages: all together take longer than one test may on a busy machine."""
    return int(request.param)


@pytest.fixture(scope="module")
def looked(part: int, session_browser: Browser, fleet: list[dict[str, Any]]) -> Looked:
    """These pages on all kinds of screens; looked at once for all tests that ask."""
    return looking.look_at_part(session_browser, part)


@pytest.mark.usefixtures("browser")
def test_every_page_fits_its_screen_and_cuts_nothing_off(looked: Looked) -> None:
    assert looked.wide == {}
    assert looked.cut_off == {}


@pytest.mark.usefixtures("browser")
def test_axe_finds_nothing_on_any_page(looked: Looked) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not here: `make axe` fetches it with npm")
    assert looked.complaints == {}


@pytest.mark.usefixtures("fleet")
def test_the_pages_about_ones_account_fit_their_screens_and_axe_finds_nothing_on_them(
    browser: Browser, installation: Installation
) -> None:
    assert looking.look_at_accounts(browser, installation.platform) == Looked()


@pytest.mark.usefixtures("fleet")
def test_the_pages_for_admins_fit_their_screens_and_axe_finds_nothing_on_them(
    browser: Browser, installation: Installation
) -> None:
    assert looking.look_at_admins(browser, installation.platform) == Looked()


@pytest.mark.usefixtures("fleet")
def test_what_comes_later_moves_nothing_that_is_read_already(browser: Browser) -> None:
    assert looking.layout_shifts(browser) == {}


def test_the_theme_follows_the_system_until_it_is_chosen(browser: Browser) -> None:
    def background() -> object:
        return browser.run("return getComputedStyle(document.body).backgroundColor")

    browser.open("/panel/account")
    light = background()
    browser.prefer("dark")
    browser.wait(lambda: background() != light, "dark follows the system")
    browser.click(".segmented button", "Claro")
    browser.wait(lambda: background() == light, "light was chosen")
    browser.open("/panel/bots")
    assert background() == light
    browser.open("/panel/account")
    browser.click(".segmented button", "Do sistema")


def test_the_language_is_switched_for_every_page_and_counts_as_people_do(browser: Browser) -> None:
    browser.open("/panel")
    for wanted in ("English", "Português"):
        looking.see_the_language(browser, wanted)
    assert browser.run("return document.documentElement.lang") == "pt-BR"


def test_a_dialog_is_used_by_keyboard_alone(browser: Browser) -> None:
    browser.open("/panel/bots")
    opener = browser.find("main .page-head .btn-primary")
    browser.run("arguments[0].focus()", opener)
    _press(browser, Keys.ENTER)
    browser.see("Adicionar um bot", "dialog[open]")
    assert _focused(browser, "id") == "bot-token"
    for _ in range(12):
        _press(browser, Keys.TAB)
        outside = (
            "return document.activeElement !== document.body && !document.activeElement.closest('dialog')"
        )
        assert browser.run(outside) is False
    _press(browser, Keys.ESCAPE)
    browser.wait(lambda: not browser.driver.find_elements("css selector", "dialog[open]"), "closed")
    assert browser.driver.switch_to.active_element == opener


@pytest.mark.usefixtures("fleet")
def test_tabs_are_walked_with_arrows(browser: Browser) -> None:
    browser.open("/panel/bots/1")
    browser.run("arguments[0].focus()", browser.find("#tab-general"))
    _press(browser, Keys.ARROW_RIGHT)
    assert _focused(browser, "id") == "tab-behaviour"
    assert browser.find("#panel-behaviour").is_displayed()
    _press(browser, Keys.END)
    assert _focused(browser, "id") == "tab-events"
    browser.resize(PHONE)
    browser.open("/panel/bots/1#events")
    browser.wait(lambda: looking.is_in_view(browser, "tab-events"), "the tab stays out of sight")


def test_the_first_tab_leads_past_the_menu(browser: Browser) -> None:
    browser.open("/panel")
    _press(browser, Keys.TAB)
    skip = "Ir para o conteúdo"
    browser.wait(lambda: browser.driver.switch_to.active_element.text == skip, "the skip link")
    _press(browser, Keys.ENTER)
    assert _focused(browser, "id") == "content"


def _press(browser: Browser, key: str) -> None:
    ActionChains(browser.driver).send_keys(key).perform()


def _focused(browser: Browser, attribute: str) -> str | None:
    return browser.driver.switch_to.active_element.get_attribute(attribute)
