"""Portuguese and English everywhere: every text of the panel is in both catalogues, and the compiled ones are current."""

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

from services.platform.accounts.locale import LOCALES

ROOT = Path(__file__).parents[2]
OURS = ("blueprints", "services", "templates")


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
        directory_filter=lambda folder: Path(folder).relative_to(ROOT).parts[:1][0] in OURS,
    )
    return {message for _file, _line, message, _comments, _context in found if isinstance(message, str)}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_has_its_words_in_this_language(locale: str) -> None:
    known = {message.id for message in catalogue(locale) if message.string and not message.fuzzy}
    assert texts_in_the_source() - known == set()


@pytest.mark.parametrize("locale", LOCALES)
def test_a_translation_keeps_the_places_that_are_filled_in(locale: str) -> None:
    def places(text: str) -> list[str]:
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)

    wrong = [m.id for m in catalogue(locale) if m.id and places(str(m.id)) != places(str(m.string))]
    assert wrong == []


@pytest.mark.parametrize("locale", LOCALES)
def test_the_compiled_catalogue_is_current(locale: str) -> None:
    fresh = io.BytesIO()
    write_mo(fresh, catalogue(locale))
    fresh.seek(0)
    with (ROOT / f"translations/{locale}/LC_MESSAGES/messages.mo").open("rb") as file:
        kept = {message.id: message.string for message in read_mo(file)}
    assert kept == {message.id: message.string for message in read_mo(fresh)}


def test_the_languages_have_the_same_texts() -> None:
    portuguese, english = ({message.id for message in catalogue(locale)} for locale in LOCALES)
    assert portuguese == english
