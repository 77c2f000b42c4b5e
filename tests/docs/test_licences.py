"""Every dependency's licence is listed."""

from __future__ import annotations

import re

from launch.licences import ALLOWED, CASES, PAGE, locked_names


def test_the_licence_of_every_locked_package_is_listed() -> None:
    listed = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE))
    assert set(locked_names()) == listed.keys() - {"Package", "---"}, "run `make docs`"
    assert "?" not in listed.values()


def test_every_licence_is_allowed_for_a_reason_that_the_page_gives() -> None:
    page = PAGE.read_text()
    listed = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", page, re.MULTILINE))
    strange = {
        name: licence
        for name, licence in listed.items()
        if name in locked_names() and licence not in ALLOWED and name not in CASES
    }
    assert strange == {}, "look at the licence, then allow it with its reason in launch/licences.py"
    assert CASES.keys() <= listed.keys(), "a case of a package that is no dependency any more"
    for reason in (*ALLOWED.values(), *CASES.values()):
        assert reason in page, "run `make docs`"
