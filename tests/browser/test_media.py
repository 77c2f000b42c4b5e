"""A picture is uploaded to the library, chosen in a broadcast's message, sent, and refuses to go while it is used."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from tests.browser.conftest import PHONE, Browser
from tests.browser.installation import Installation
from tests.browser.looking import axe_finds

SHOTS = os.environ.get("SHOTS", "")  # a folder for pictures of the pages, for whoever wants to look at them
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC"
)


def test_a_picture_is_uploaded_chosen_in_a_message_and_kept_while_it_is_used(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]], tmp_path: Path
) -> None:
    picture = tmp_path / "Loja de verão.png"
    picture.write_bytes(PNG)
    program = tmp_path / "notes.txt.exe"
    program.write_bytes(b"MZ\x90\x00")
    browser.open("/panel/media")
    look(browser, "media-empty")
    upload(browser, "#media-file", picture)
    browser.see("Loja de verão.png", ".media-grid")
    browser.wait(lambda: drawn(browser, ".media-grid img"), "the picture is shown")
    upload(browser, "#media-file", program)
    browser.see("program", "body")
    look(browser, "media")
    browser.resize(PHONE)
    look(browser, "media-phone")
    browser.resize((1280, 900))

    browser.open("/panel/broadcasts/new")
    browser.type("#b-name", "Com foto")
    browser.click(".variant select option[value=photo]")
    browser.click(".variant .btn-s")
    browser.see("Loja de verão.png", "dialog[open]")
    look(browser, "media-picker")
    browser.click("dialog[open] .media-pick")
    browser.type(".variant textarea", "Oi!")
    browser.wait(lambda: drawn(browser, ".chat-screen img"), "the preview shows the picture")
    browser.wait(lambda: "/panel/broadcasts/new" not in browser.driver.current_url, "the draft was saved")
    look(browser, "media-broadcast")

    browser.open("/panel/media")
    browser.see("1", ".media-card summary")
    browser.click(".media-tools button:last-child")
    browser.click("dialog[open] .modal-foot button:last-child")
    browser.see("Com foto", "body")
    browser.see("Loja de verão.png", ".media-grid")
    browser.complaints()  # the refusals were wanted


def upload(browser: Browser, field: str, file: Path) -> None:
    """Choose a file of this machine, as the dialog of the system does."""
    browser.driver.find_element("css selector", field).send_keys(str(file))


def drawn(browser: Browser, selector: str) -> bool:
    """Whether the first picture there was loaded."""
    script = (
        "const found = document.querySelector(arguments[0]); return Boolean(found && found.naturalWidth);"
    )
    return bool(browser.run(script, selector))


def look(browser: Browser, name: str) -> None:
    """axe finds nothing here; and a picture where one is wanted."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        browser.driver.save_screenshot(f"{SHOTS}/{name}.png")
    assert axe_finds(browser) == []
