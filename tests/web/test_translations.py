"""Portuguese and English everywhere: every text in code and pages is in the catalogues, and the compiled ones are current."""

from __future__ import annotations

import io
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from services.core.i18n import LOCALES, SOURCE

ROOT = Path(__file__).parents[2]
TRANSLATED = [locale for locale in LOCALES if locale != SOURCE]


def catalogue(locale: str) -> Catalog:
    with (ROOT / f"translations/{locale}/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale=locale)


def texts_in_the_source() -> set[str]:
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = extract_from_dir(
        ROOT,
        methods,
        options,
    )
    return {str(message) for _file, _line, message, _comments, _context in found}


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_text_has_its_words_in_this_language(locale: str) -> None:
    known = {str(message.id) for message in catalogue(locale) if message.string and not message.fuzzy}
    assert texts_in_the_source() - known == set()


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_keeps_the_places_that_are_filled_in(locale: str) -> None:
    def places(text: str) -> list[str]:
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)

    wrong = [m.id for m in catalogue(locale) if m.id and places(str(m.id)) != places(str(m.string))]
    assert wrong == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_the_compiled_catalogue_is_current(locale: str) -> None:
    fresh = io.BytesIO()
    write_mo(fresh, catalogue(locale))
    fresh.seek(0)
    with (ROOT / f"translations/{locale}/LC_MESSAGES/messages.mo").open("rb") as file:
        kept = {message.id: message.string for message in read_mo(file)}
    assert kept == {message.id: message.string for message in read_mo(fresh)}


@pytest.mark.parametrize("locale", TRANSLATED)
def test_no_translation_is_left_over(locale: str) -> None:
    assert {str(message.id) for message in catalogue(locale) if message.id} - texts_in_the_source() == set()
