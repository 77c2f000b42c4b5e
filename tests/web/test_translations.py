"""Portuguese and English everywhere: every text in code and pages is in the catalogues, and the compiled ones are current."""

from __future__ import annotations

import io
import re
import string
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from services.core.i18n import LOCALES, SOURCE

ROOT = Path(__file__).parents[2]
PERCENT_PLACE = re.compile(r"%\((\w+)\)s")
# What docs/glossary.md has another word for.
OTHER_WORDS = tuple(
    re.compile(rf"(?i)\b(?:{words})\b")
    for words in (
        "porcento",
        "apagad[oa]s?|apagar",
        "checagem|checagens",
        "(?:pool|pools|endereço) de reserva",
        "ondas? de banimento",
        "pedidos?",
        "mandam?|mandar|mandariam",
        "jobs?",
        "fallback",
        "da Flotilla",
        "inícios",
        "o senhor|a senhora|vós|tu|teu",
        r"(?<!flask )(?<!docs/)backups?(?!\.)",
    )
)
TRANSLATED = [locale for locale in LOCALES if locale != SOURCE]


def catalogue(locale: str) -> Catalog:
    with (ROOT / f"translations/{locale}/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale=locale)


@cache
def texts_in_the_source() -> set[str]:
    """Found once: reading all of it takes seconds."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = extract_from_dir(
        ROOT,
        methods,
        options,
    )
    return {name_of(message) for _file, _line, message, _comments, _context in found}


def name_of(message: str | tuple[str, ...] | list[str]) -> str:
    """A text as it stands in the source; of one that counts things, the form for one of them."""
    return message if isinstance(message, str) else message[0]


def forms_of(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """All that a catalogue has for a text: one sentence, or a form for one thing and one for more."""
    return (text,) if isinstance(text, str) else tuple(text or ("",))


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_text_has_its_words_in_this_language(locale: str) -> None:
    known = {
        name_of(message.id)
        for message in catalogue(locale)
        if all(forms_of(message.string)) and not message.fuzzy
    }
    assert texts_in_the_source() - known == set()


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_keeps_the_places_that_are_filled_in(locale: str) -> None:
    def places(text: str) -> list[str]:
        named = (name for _, name, _, _ in string.Formatter().parse(text) if name)
        return sorted([*named, *PERCENT_PLACE.findall(text)])

    wrong = [
        (m.id, form)
        for m in catalogue(locale)
        if m.id
        for form in forms_of(m.string)
        if places(form) != places(name_of(m.id))
    ]
    assert wrong == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_text_that_counts_has_a_form_for_each_number(locale: str) -> None:
    known = catalogue(locale)
    counting = [message for message in known if not isinstance(message.id, str)]
    assert counting
    assert [m.id for m in counting if len(forms_of(m.string)) != known.num_plurals] == []


def test_one_thing_has_one_word_in_portuguese() -> None:
    """The words of docs/glossary.md; a text with another one has slipped in."""
    wrong = [
        (form, word.pattern)
        for message in catalogue("pt_BR")
        for form in forms_of(message.string)
        for word in OTHER_WORDS
        if message.id and word.search(form)
    ]
    assert wrong == []


def sentences(known: Catalog) -> dict[str, tuple[str, ...]]:
    return {name_of(message.id): forms_of(message.string) for message in known}


@pytest.mark.parametrize("locale", TRANSLATED)
def test_the_compiled_catalogue_is_current(locale: str) -> None:
    fresh = io.BytesIO()
    write_mo(fresh, catalogue(locale))
    fresh.seek(0)
    with (ROOT / f"translations/{locale}/LC_MESSAGES/messages.mo").open("rb") as file:
        kept = read_mo(file)
    assert sentences(kept) == sentences(read_mo(fresh))


@pytest.mark.parametrize("locale", TRANSLATED)
def test_no_translation_is_left_over(locale: str) -> None:
    assert {
        name_of(message.id) for message in catalogue(locale) if message.id
    } - texts_in_the_source() == set()
