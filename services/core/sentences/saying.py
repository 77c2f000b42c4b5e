"""Sentences of services, which are written in English, in the language of whoever reads them: one home for all of them.

They leave the house as details of problems, as reasons of a bot's status and inside notifications; programs decide by
codes and never by these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from services.core.sentences.pt_br import PT_BR
from services.core.sentences.pt_br_input import PT_BR_INPUT

KNOWN: Final = {**PT_BR, **PT_BR_INPUT}
PLACE = re.compile(r"\{(\w+)\}")


def say(sentence: str, locale: str) -> str:
    """The sentence in `locale` ("pt_BR", "en", …): Portuguese where it is known, else as it is.

    What stands in the places of a template is said in the same language, if it is a sentence of ours itself.
    """
    if not sentence or not locale.lower().startswith("pt"):
        return sentence
    if sentence in KNOWN:
        return KNOWN[sentence]
    for pattern, template in _templates():
        found = pattern.fullmatch(sentence)
        if found:
            return _filled(template, {name: say(value, locale) for name, value in found.groupdict().items()})
    return sentence


def _filled(template: str, values: Mapping[str, str]) -> str:
    return PLACE.sub(lambda place: values[place[1]], template)


@cache
def _templates() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Templates as patterns, those with the most words of their own first."""
    wanted = sorted(
        (each for each in KNOWN if PLACE.search(each)), key=lambda each: -len(PLACE.sub("", each))
    )
    return tuple((_pattern(each), KNOWN[each]) for each in wanted)


def _pattern(template: str) -> re.Pattern[str]:
    parts = PLACE.split(template)  # text, name, text, …
    made = [re.escape(part) if at % 2 == 0 else f"(?P<{part}>.+?)" for at, part in enumerate(parts)]
    return re.compile("".join(made), re.DOTALL)
