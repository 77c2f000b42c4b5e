"""Sentences of services in Portuguese: all that may be read are known, whole, and never translated by halves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from services.core.sentences.saying import KNOWN, PLACE, say
from tests.architecture.source import product

ERRORS = {"InvalidInput", "NotFound", "Conflict", "Unauthenticated", "Forbidden", "RateLimited"}
# Completed by a word of which each is known; the same in both languages.
SPECIAL = {"There is no such @", "Plugin @: @: @"}


def raised() -> Iterator[tuple[str, str]]:
    """(sentence, where) of every literal that an error begins with; @ stands for what is filled in."""
    for source in product():
        if source.package in ("services", "blueprints"):
            for node in ast.walk(source.tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                    yield from ((text, source.name) for text in map(_text, node.args[:1]) if text)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "@" for part in node.values)
        return "".join(parts)
    return ""


def test_every_sentence_that_an_error_begins_with_is_known() -> None:
    missing = {text: where for text, where in raised() if text not in SPECIAL and say(text, "pt_BR") == text}
    assert missing == {}


def test_a_translation_has_the_places_of_its_sentence() -> None:
    wrong = [
        text for text, said in KNOWN.items() if sorted(PLACE.findall(text)) != sorted(PLACE.findall(said))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("A key lasts from 1 to 365 days", "Uma chave dura de 1 a 365 dias"),
        ("Plugin start: text: Input should be a valid string", "Plugin start: text: Precisa ser um texto"),
        ("Input should be greater than or equal to 0", "Precisa ser maior ou igual a 0"),
        ("Input should be 'a', 'b' or 'c'", "Precisa ser 'a', 'b' ou 'c'"),
        ("String should have at most 100 characters", "Pode ter no máximo 100 caracteres"),
        ("Telegram failed: Bad or Gateway", "O Telegram falhou: Bad or Gateway"),
        ("Nobody knows this sentence or that one", "Nobody knows this sentence or that one"),
        ("", ""),
    ],
)
def test_sentences_are_said_in_portuguese_and_english_stays(sentence: str, said: str) -> None:
    assert say(sentence, "pt_BR") == say(sentence, "pt-BR") == said
    assert say(sentence, "en") == sentence


def test_a_long_text_of_somebody_is_not_searched_for_long() -> None:
    """Templates are searched by regular expressions: their work must not grow out of hand."""
    hostile = "Plugin " + ": ".join("x" * 50 for _ in range(200))
    assert say(hostile, "pt_BR").startswith("Plugin ")
    assert max(len(re.findall(r"\{\w+\}", text)) for text in KNOWN) <= 3
