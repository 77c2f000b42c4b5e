"""A flow is written in its editor: saved by itself, undone, disputed by two, and published."""

from __future__ import annotations

import copy
from typing import Any

from selenium.webdriver.common.keys import Keys
from sqlalchemy import select

from models import Account, BotPlugin, Flow
from plugins.flows.document import FlowDocument
from services.fleet.bots.registry import delete_bot, register_bot
from services.fleet.flows.drafts import save_draft
from services.fleet.flows.fields import Template
from services.fleet.flows.sources import template
from services.platform.accounts.principal import Principal
from tests.browser.conftest import Browser
from tests.browser.installation import Installation

MESSAGES = "[data-place=messages]"
BUTTON = f"{MESSAGES} .flow-button"

MODEL = """
const [documents, done] = arguments;
const from = (name) => import(document.querySelector("script[src*='flow-editor.js']").src.replace("flow-editor", name));
Promise.all(["flow-form", "flow-graph", "flow-history"].map(from)).then(([form, graph, { History }]) => {
  const past = new History("0");
  for (let state = 1; state <= 150; state += 1) past.note(String(state));
  let steps = 0;
  while (past.undo() !== null) steps += 1;
  done({
    documents: documents.map((each) => form.toDocument(form.toForm(each))),
    rows: documents.map((each) => graph.rowsOf(each)),
    undone: [steps, past.present],
  });
});
"""  # what the pure modules below static/js/panel make of documents


def see_the_model(browser: Browser) -> None:
    """Fields hold a document without loss, rows go from the first step down, and 150 steps are undone."""
    browser.open("/panel/flows/1")
    written = [_with_video(template(each, "pt")) for each in Template]
    said = [each.model_dump(mode="json", exclude_none=True) for each in written]
    found: dict[str, Any] = browser.driver.execute_async_script(MODEL, said)
    assert [FlowDocument.model_validate(each) for each in found["documents"]] == written
    short, _long = found["rows"]
    assert (short[0], short[1], short[-1]) == (["video"], ["bump"], ["last_reminder"])
    assert found["undone"] == [150, "0"]


def _with_video(found: dict[str, Any]) -> FlowDocument:
    """A template with the video that it leaves to its reader."""
    whole = copy.deepcopy(found)
    whole["steps"][0]["messages"][0]["media"] = 7
    return FlowDocument.model_validate(whole)


def create(browser: Browser, name: str) -> None:
    """A new flow from nothing is open in the editor."""
    browser.open("/panel/flows#create")
    browser.type("#flow-name", name)
    browser.click("dialog[open] .btn-primary")
    browser.find(f"{MESSAGES} textarea")


def write(browser: Browser, installation: Installation) -> None:
    """Text, a second step and a button that leads to it; all is saved without being asked for."""
    text = browser.find(f"{MESSAGES} textarea")
    text.clear()
    text.send_keys("Oi, <b>{first_name}</b>!")
    browser.wait(lambda: browser.text(".flow-preview .run-bold") == "Ana", "the preview follows")
    browser.click(".flow-steps > .btn")
    browser.type(f"{MESSAGES} textarea", "Obrigado")
    browser.click(".flow-item .flow-pick", "start")
    browser.click(f"{MESSAGES} .row-s > .btn:not(.btn-icon)")
    browser.type(f"{BUTTON} .input", "Quero")
    leads = browser.find(f"{BUTTON} .field:last-of-type select")
    leads.send_keys("step")
    browser.wait(lambda: _buttons(installation) == [("Quero", "step")], "the draft is saved by itself")
    browser.click(".segmented button:last-child")
    assert len(browser.driver.find_elements("css selector", "svg .flow-way.is-out")) == 1


def undo(browser: Browser, installation: Installation) -> None:
    """Ctrl-Z takes the button's way back, again and again until it is gone, and Ctrl-Shift-Z brings all of it."""
    browser.run("document.activeElement.blur()")
    _press(browser, Keys.CONTROL + "z", "document.querySelector('.flow-button') === null")
    browser.wait(lambda: _buttons(installation) == [], "what was undone is saved as well")
    _press(browser, Keys.CONTROL + Keys.SHIFT + "z", "document.querySelector('.flow-redo').disabled")
    browser.wait(lambda: _buttons(installation) == [("Quero", "step")], "what was done again is saved")


def _press(browser: Browser, keys: str, reached: str) -> None:
    """Press `keys` until the page says so; a choice in a list may be several steps, as its letters are typed."""
    page = browser.find("body")

    def pressed() -> bool:
        if not browser.run(f"return {reached}"):
            page.send_keys(keys)
        return bool(browser.run(f"return {reached}"))

    browser.wait(pressed, f"not reached: {reached}")


def dispute(browser: Browser, installation: Installation) -> None:
    """Somebody else saves meanwhile: the editor says who and when, overwrites nothing, and takes theirs when told to."""
    draft, revision = _draft(installation)
    theirs = {**draft, "steps": [*draft["steps"], {"key": "theirs", "then": {"kind": "end"}}]}
    save_draft(installation.platform, _caller(installation), 1, theirs, revision)
    browser.type(f"{MESSAGES} textarea", "?")
    browser.see("another", "[role=alert].notice")
    assert _draft(installation)[0] == theirs, "nothing was overwritten"
    browser.click("[role=alert].notice .btn")
    browser.wait(lambda: browser.text(".flow-node:last-of-type .flow-title") == "theirs", "theirs is shown")
    browser.wait(lambda: browser.text("[role=alert].notice") == "", "and there is nothing to dispute")


def publish(browser: Browser, installation: Installation) -> None:
    """The draft becomes the first version, and as no bot plays it yet, the bots are asked for."""
    bot = register_bot(
        installation.platform, _caller(installation), installation.sandbox.create_bot()["token"]
    )
    browser.click(".flow-tools .btn-primary")
    browser.click("dialog[open] .btn-primary")
    browser.wait(lambda: browser.find(".page-head .pill").text.endswith("1"), "the version's number")
    browser.click("dialog[open] label.check", bot.username)
    browser.click("dialog[open] .btn-primary")
    browser.wait(lambda: browser.text("dialog[open]") == "", "the bots are saved")
    with installation.platform.database.reading() as session:
        assert session.scalar(select(Flow.published)) == 1
        playing = select(BotPlugin.bot_id).where(BotPlugin.name == "flow", BotPlugin.position == 0)
        assert session.scalars(playing).all() == [bot.id]
    delete_bot(installation.platform, _caller(installation), bot.id)


def _draft(installation: Installation) -> tuple[dict[str, Any], int]:
    with installation.platform.database.reading() as session:
        flow = session.scalars(select(Flow)).one()
        return flow.draft, flow.draft_revision


def _buttons(installation: Installation) -> list[tuple[str, str]]:
    first, *_ = _draft(installation)[0]["steps"]
    rows = [row for message in first["messages"] for row in message.get("buttons", [])]
    return [(button.get("text", ""), button.get("step", "")) for row in rows for button in row]


def _caller(installation: Installation) -> Principal:
    with installation.platform.database.reading() as session:
        account = session.scalars(select(Account)).first()
        assert account is not None
        return Principal(account.id, "key:another")
