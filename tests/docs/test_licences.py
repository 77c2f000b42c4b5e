"""Every dependency's licence is listed."""

from __future__ import annotations

import re

from launch.licences import PAGE, locked_names


def test_the_licence_of_every_locked_package_is_listed() -> None:
    listed = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE))
    assert set(locked_names()) == listed.keys() - {"Package", "---"}, "run `make docs`"
    assert "?" not in listed.values()
