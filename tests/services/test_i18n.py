"""Texts: a template and its values, in any language, through the database and back."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import asdict, dataclass

import pytest

from services.core.i18n import NO_TEXT, Text, plain, revived, translate

NESTED = Text(
    "{trouble}; it is tried again",
    trouble=Text("Cannot reach the Bot API server at {url}: {reason}", url="http://x", reason="refused"),
)


@pytest.mark.parametrize(
    ("text", "portuguese", "english"),
    [
        (
            Text("A key lasts from 1 to {days} days", days=365),
            "Uma chave dura de 1 a 365 dias",
            "A key lasts from 1 to 365 days",
        ),
        (
            NESTED,
            "Não foi possível alcançar o servidor da Bot API em http://x: refused; haverá outra tentativa",
            "Cannot reach the Bot API server at http://x: refused; it is tried again",
        ),
        (
            Text("Telegram failed: {reason}", reason="Bad {0} Gateway"),
            "O Telegram falhou: Bad {0} Gateway",
            "Telegram failed: Bad {0} Gateway",
        ),
        (Text.verbatim("Nobody knows {this} sentence"),) + ("Nobody knows {this} sentence",) * 2,
        (NO_TEXT, "", ""),
    ],
)
def test_a_text_is_read_in_the_reader_s_language_and_in_english_elsewhere(
    text: Text, portuguese: str, english: str
) -> None:
    for locale in ("pt_BR", "pt-BR", "pt", "pt-PT"):
        assert translate(text, locale) == portuguese
    for locale in ("en", "en-US", "fr", "ptx", ""):
        assert translate(text, locale) == str(text) == english


@pytest.mark.parametrize(
    "text",
    [NESTED, NO_TEXT, Text("At most {most} rules", most=50), Text('Quotes " and {words} ã', words='"')],
)
def test_a_text_comes_back_from_a_column_and_from_json(text: Text) -> None:
    assert Text.stored(text.for_column()) == text
    assert revived(json.loads(json.dumps(plain({"a": [text], "b": 1})))) == {"a": [text], "b": 1}


def test_a_finished_sentence_of_a_former_release_stays_as_it_was() -> None:
    old = "Telegram failed: {HTTP 502}; it is tried again every minute"
    assert translate(Text.stored(old), "pt") == old


@pytest.mark.parametrize(
    "text",
    [
        Text("Telegram failed: {reason}", reason="x" * 400),
        Text("{trouble}; it is tried again", trouble=Text("Telegram refuses: {reason}", reason='"\n' * 300)),
        Text(
            "Telegram cannot deliver ({reason}); updates that wait: {count}. Check X",
            reason="ã" * 290,
            count=3,
        ),
        Text.verbatim("x" * 400),
        Text("Telegram: {reason}", reason=Text.verbatim("y" * 300)),
        Text("x" * 290 + "{reason}", reason="short"),
    ],
)
def test_what_is_too_long_for_its_column_is_cut_once_and_stays_readable(text: Text) -> None:
    fitting = text.fitting(300)
    assert len(fitting.for_column()) <= 300
    assert Text.stored(fitting.for_column()) == fitting == fitting.fitting(300)
    assert translate(fitting, "pt")[:8] == translate(text, "pt")[:8]


def test_what_fits_is_not_cut() -> None:
    assert NESTED.fitting(300) == NESTED


def test_words_of_others_are_values_which_are_cut_and_changed_too() -> None:
    told = Text("Telegram: {reason}", reason=Text.verbatim("secret {0}"))
    assert translate(told.changed(lambda words: words.replace("secret", "***")), "pt") == "Telegram: *** {0}"


def test_every_value_can_be_changed_also_those_inside() -> None:
    assert str(NESTED.changed(str.upper)).endswith("HTTP://X: REFUSED; it is tried again")
    assert Text("{count} {word}", count=1, word="a").changed(str.upper) == Text(
        "{count} {word}", count=1, word="A"
    )


def test_texts_are_values() -> None:
    @dataclass
    class Holder:
        text: Text

    assert asdict(Holder(NESTED))["text"] == deepcopy(NESTED) == NESTED
    assert len({NESTED, deepcopy(NESTED), NO_TEXT}) == 2
    assert str(NESTED) != NESTED
    assert (bool(NESTED), bool(NO_TEXT)) == (True, False)
    assert repr(Text("{a}", a=1)) == "Text('{a}', {'a': 1})"
