"""Why pydantic refused: known by type and context, in Portuguese, and in English in pydantic's own words."""

from __future__ import annotations

from enum import StrEnum
from string import Formatter
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, AwareDatetime, Field, TypeAdapter, ValidationError

from services.core.i18n import catalogue, translate
from services.core.validation_texts import ONE, REASONS, reason_of


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def _odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError("even numbers bring bad luck")
    return number


def refused(kind: Any, value: object, *, strict: bool = False) -> Any:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value, strict=strict)
    return caught.value.errors(include_url=False, include_input=False)[0]


@pytest.mark.parametrize(
    ("kind", "value", "portuguese"),
    [
        (str, 1, "Precisa ser um texto"),
        (Annotated[str, Field(max_length=100)], "x" * 101, "Pode ter no máximo 100 caracteres"),
        (Annotated[str, Field(min_length=1)], "", "Precisa de pelo menos 1 caractere"),
        (Annotated[str, Field(pattern="^a$")], "b", "Precisa ter a forma '^a$'"),
        (int, "x", "Precisa ser um número inteiro"),
        (int, 1.5, "Precisa ser um número inteiro, sem casas decimais"),
        (Annotated[int, Field(ge=0)], -1, "Precisa ser maior ou igual a 0"),
        (Annotated[int, Field(gt=0)], 0, "Precisa ser maior que 0"),
        (Annotated[float, Field(le=0.5)], 1, "Precisa ser menor ou igual a 0.5"),
        (Annotated[int, Field(lt=7)], 7, "Precisa ser menor que 7"),
        (bool, "perhaps", "Precisa ser verdadeiro ou falso"),
        (Literal["a", "b", "c"], "d", "Precisa ser 'a', 'b' ou 'c'"),
        (Literal["a"], "d", "Precisa ser 'a'"),
        (Colour, "green", "Precisa ser 'red' ou 'blue'"),
        (list[int], 1, "Precisa ser uma lista"),
        (dict[str, int], 1, "Precisa ser um objeto"),
        (AwareDatetime, "2026-11-20T10:00:00", "Precisa do fuso horário"),
    ],
)
def test_a_refusal_is_told_in_both_languages(kind: Any, value: object, portuguese: str) -> None:
    error = refused(kind, value)
    assert translate(reason_of(error), "pt") == portuguese
    assert str(reason_of(error)) == error["msg"]


def test_how_many_items_is_told_without_naming_python_s_types() -> None:
    few = reason_of(refused(Annotated[list[int], Field(max_length=1)], [1, 2]))
    assert (str(few), translate(few, "pt")) == ("There should be at most 1 item", "Pode ter no máximo 1 item")
    many = reason_of(refused(Annotated[list[int], Field(min_length=2)], [1]))
    assert translate(many, "pt") == "Precisa de pelo menos 2 itens"


def test_a_moment_that_cannot_be_read_is_told_with_pydantic_s_reason() -> None:
    told = translate(reason_of(refused(AwareDatetime, "yesterday")), "pt")
    assert told.startswith("Precisa ser uma data com hora em ISO 8601 (")


def test_a_plugin_s_own_validator_speaks_as_its_author_wrote_it() -> None:
    error = refused(Annotated[int, AfterValidator(_odd)], 2)
    assert translate(reason_of(error), "pt") == "even numbers bring bad luck"


def test_what_has_no_text_here_stays_pydantic_s_english() -> None:
    error = refused(bytes, 1)
    assert error["type"] not in REASONS
    assert translate(reason_of(error), "pt") == error["msg"]


def test_every_reason_is_in_the_catalogue() -> None:
    templates = [*REASONS.values(), *ONE.values()]
    assert [each for each in templates if catalogue("pt").gettext(each) == each] == []


def test_the_singular_has_the_places_of_the_plural() -> None:
    def places(template: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(template) if name}

    assert {kind: places(one) for kind, one in ONE.items()} == {kind: places(REASONS[kind]) for kind in ONE}
