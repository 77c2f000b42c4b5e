"""An experiment and a rule, made in the panel by hand, and visitors who come by the link."""

from __future__ import annotations

from http.client import HTTPConnection
from urllib.parse import urlsplit

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from sqlalchemy import func, select

from models import ClickRollup, ExperimentVisitor, MemberStatus, PoolBot, PoolRule, RedirectPool
from tests.blueprints.visiting import PERSON
from tests.browser.conftest import Browser
from tests.browser.installation import Installation

SECOND = "Oferta B"


def create_second_pool(browser: Browser, username: str) -> None:
    """A pool for the other arm."""
    browser.open("/panel/pools#create")
    browser.type("#pool-name", SECOND)
    browser.click("dialog[open] label.choice", username)
    browser.click("dialog[open] .btn-primary")
    browser.see("oferta-b")


def create_experiment(browser: Browser, name: str) -> None:
    """Split the first pool's link in halves, and start it."""
    browser.open("/panel/experiments")
    browser.see("Nenhum experimento ainda")
    browser.click(".empty .btn-primary")
    browser.type("#experiment-name", name)
    browser.find(".arm-row select")
    other = browser.driver.find_elements(By.CSS_SELECTOR, ".arm-row select")[1]
    Select(other).select_by_visible_text(SECOND)
    browser.see("100 de 100%", "dialog[open]")
    browser.click("dialog[open] .btn-primary")
    browser.see("Não iniciado")
    browser.click(".page-head .btn-primary", "Iniciar")
    browser.see("50 %", "#confirm")
    browser.click("#confirm button", "Iniciar experimento")
    browser.see("Rodando")


def visit_as(installation: Installation, slug: str, visitors: range) -> None:
    """One tap of each of these visitors on a phone, without following it."""
    address = urlsplit(installation.url).netloc
    for visitor in visitors:
        connection = HTTPConnection(address, timeout=30)
        headers = {"User-Agent": PERSON, "Cookie": f"flv=browser{visitor:09d}"}
        connection.request("GET", f"/go/{slug}", headers=headers)
        assert connection.getresponse().status == 302
        connection.close()


def arms_of(installation: Installation) -> dict[str, int]:
    """Visitors by the name of their pool, as the flusher has written them."""
    with installation.platform.database.reading() as session:
        counted = select(RedirectPool.name, func.count()).join(
            ExperimentVisitor, ExperimentVisitor.pool_id == RedirectPool.id
        )
        return {name: count for name, count in session.execute(counted.group_by(RedirectPool.name))}  # noqa: C416


def split_visitors(browser: Browser, installation: Installation, slug: str, visitors: int) -> dict[str, int]:
    """So many visitors come by the link; those of each pool, as the page of the experiment shows them too."""
    browser.wait(lambda: both_can_serve(installation), "both pools have a bot")
    visit_as(installation, slug, range(visitors))
    browser.wait(lambda: sum(arms_of(installation).values()) == visitors, "the visitors are written")
    found = arms_of(installation)
    for name, count in found.items():
        browser.see(name, ".plot")
        browser.see(f"0 / {count}", ".plot")
    return found


def both_can_serve(installation: Installation) -> bool:
    """Whether each of the two pools has a bot that is online."""
    with installation.platform.database.reading() as session:
        online = select(func.count(PoolBot.pool_id.distinct())).where(PoolBot.status == MemberStatus.ONLINE)
        return session.scalar(online) == 2


def write_rules(browser: Browser) -> None:
    """Two rules by way of the pool's settings; the second one is moved up by keyboard."""
    browser.open("/panel/pools/1")
    browser.click(".page-head button", "Configurações")
    browser.click("dialog[open] a", "Regras do link")
    browser.see("Sem regras: todos ficam aqui")
    browser.click(".empty .btn-primary")
    browser.type("[data-rule]:nth-of-type(1) input[id$=languages]", "pt")
    _send_to(browser, 0)
    browser.click(".rules-foot .btn", "Adicionar regra")
    browser.type("[data-rule]:nth-of-type(2) textarea", "utm_source=browser")
    _send_to(browser, 1)
    button = browser.find('[data-rule]:nth-of-type(2) [data-move="-1"]')
    button.send_keys(Keys.ENTER)
    browser.wait(
        lambda: browser.find("[data-rule]:nth-of-type(1) textarea").get_attribute("value") != "", "it moved"
    )
    focused = browser.driver.switch_to.active_element
    assert focused.get_attribute("aria-label") == "Mover a regra 1 para baixo"
    browser.click(".rules-foot .btn-primary", "Salvar")
    browser.see("Salvo", ".toasts")


def rules_of(installation: Installation) -> list[list[str]]:
    """What the stored rules ask for, in their order."""
    with installation.platform.database.reading() as session:
        stored = session.scalars(select(PoolRule.conditions).order_by(PoolRule.position))
        return [sorted(conditions) for conditions in stored]


def _send_to(browser: Browser, index: int) -> None:
    target = browser.driver.find_elements(By.CSS_SELECTOR, "[data-rule] select")[index]
    Select(target).select_by_visible_text(SECOND)


def visit(link: str) -> None:
    """Tap a link on a phone, without following it."""
    connection = HTTPConnection(urlsplit(link).netloc, timeout=10)
    connection.request("GET", link, headers={"User-Agent": PERSON})
    assert connection.getresponse().status == 302
    connection.close()


def clicks(installation: Installation) -> int:
    """All clicks that were counted so far."""
    with installation.platform.database.reading() as session:
        return int(session.scalar(select(func.sum(ClickRollup.clicks))) or 0)


def show_one_source_alone(browser: Browser, source: str, clicks: str, *, other: str) -> None:
    """In the report over all pools click a source: its clicks alone are counted, and shown as they arrive."""
    browser.open("/panel/analytics")
    browser.see(source, ".table-clicks")
    browser.click(".bar-label", source)
    browser.see(f"Origem: {source}")
    browser.wait(lambda: browser.text(".facts-compared dd span") == clicks, "its clicks alone")
    browser.wait(lambda: other not in browser.text(".table-clicks"), "of the live ones too")
