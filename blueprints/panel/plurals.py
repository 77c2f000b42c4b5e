"""Texts that count something, for the panel's scripts: a form for one thing and one for more."""

from __future__ import annotations

from typing import TypeAlias

from flask_babel import ngettext

ScriptText: TypeAlias = "str | dict[str, str]"
EXAMPLES = {"one": 1, "other": 2}  # of the numbers that Intl.PluralRules calls so, in both languages


def counted(one: str, other: str) -> dict[str, str]:
    """Both forms in the reader's language; the script chooses by the number and fills {count} (`counted` of dom.js)."""
    return {form: ngettext(one, other, number) for form, number in EXAMPLES.items()}
