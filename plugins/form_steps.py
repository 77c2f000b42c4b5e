"""The questions of a form, and what counts as an answer to each. No plugin by itself."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from plugins.texts import LONGEST_LABEL, PLAIN_TEXT, VARIABLES, TelegramText

EMAIL: Final = re.compile(r"[^\s@<>\"]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}")
PHONE_SIGNS: Final = str.maketrans("", "", " -().")
PHONE: Final = re.compile(r"\+?[0-9]{8,15}")
DATES: Final = ("%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y")
LONGEST: Final = 1000  # characters of an answer in words, unless the step says otherwise
Texts = dict[str, str]


class Kind(StrEnum):
    """What is asked for."""

    TEXT = "text"
    NUMBER = "number"
    EMAIL = "email"
    PHONE = "phone"
    CHOICE = "choice"
    DATE = "date"


class FormStep(BaseModel):
    """A question."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,20}$", description="what the answer is kept under")
    question: Annotated[str, TelegramText(variables=VARIABLES)] = Field(min_length=1, description="HTML")
    kind: Kind = Field(Kind.TEXT, description="text, number, email, phone, choice or date")
    label: Annotated[str, TelegramText(None, may_be_blank=True)] = Field(
        "", max_length=LONGEST_LABEL, description="what the summary calls it; the name when empty"
    )
    options: list[Annotated[str, PLAIN_TEXT, Field(min_length=1, max_length=LONGEST_LABEL)]] = Field(
        default_factory=list, max_length=50, description="the answers of a choice"
    )
    required: bool = Field(True, description="whether it may not be skipped")
    minimum: float | None = Field(None, description="of a number; of a text its shortest length")
    maximum: float | None = Field(None, description="of a number; of a text its greatest length")

    @model_validator(mode="after")
    def _has_options(self) -> Self:
        if (self.kind is Kind.CHOICE) != bool(self.options):
            raise PydanticCustomError("form_options", "A choice has options, and nothing else has")
        return self


class WrongAnswer(ValueError):
    """What was answered is none; `texts` says what is wanted, by language."""

    def __init__(self, pt: str, en: str) -> None:
        super().__init__(en)
        self.texts: Texts = {"pt": pt, "en": en}


def answer_in(step: FormStep, given: str) -> Any:
    """The answer as it is kept (a text, a number, a date as 2026-12-31). WrongAnswer for what is none."""
    return READERS[step.kind](step, given.strip())


def shown(step: FormStep, answer: Any) -> str:
    """The answer as a person reads it; a dash for one that was skipped."""
    if answer is None:
        return "—"
    if step.kind is Kind.DATE:
        return f"{date.fromisoformat(answer):%d/%m/%Y}"
    return str(answer)


def _text(step: FormStep, given: str) -> str:
    least = int(step.minimum or 1)
    most = int(step.maximum or LONGEST)
    if not least <= len(given) <= most:
        raise WrongAnswer(
            f"Escreva um texto de {least} a {most} caracteres.",
            f"Write a text of {least} to {most} characters.",
        )
    return given


def _number(step: FormStep, given: str) -> int | float:
    try:
        number = float(given.replace(",", "."))
    except ValueError:
        number = math.nan
    least = -math.inf if step.minimum is None else step.minimum
    most = math.inf if step.maximum is None else step.maximum
    if not math.isfinite(number) or "_" in given:
        raise WrongAnswer("Escreva um número, como 42.", "Write a number, such as 42.")
    if number < least:
        raise WrongAnswer(f"O número deve ser {least:g} ou mais.", f"The number must be {least:g} or more.")
    if number > most:
        raise WrongAnswer(f"O número deve ser {most:g} ou menos.", f"The number must be {most:g} or less.")
    return int(number) if number.is_integer() else number


def _email(_step: FormStep, given: str) -> str:
    if not EMAIL.fullmatch(given):
        raise WrongAnswer(
            "Escreva um e-mail, como ana@exemplo.com.", "Write an e-mail address, such as ana@example.com."
        )
    return given


def _phone(_step: FormStep, given: str) -> str:
    found = given.translate(PHONE_SIGNS)
    if not PHONE.fullmatch(found):
        raise WrongAnswer(
            "Escreva um telefone com DDD, como +55 11 91234-5678.",
            "Write a phone number with its area code, such as +55 11 91234-5678.",
        )
    return found


def _choice(step: FormStep, given: str) -> str:
    for option in step.options:
        if option.casefold() == given.casefold():
            return option
    raise WrongAnswer("Escolha uma das opções.", "Choose one of the options.")


def _date(_step: FormStep, given: str) -> str:
    for form in DATES:
        try:
            return datetime.strptime(given, form).date().isoformat()  # a day, no moment
        except ValueError:
            continue
    raise WrongAnswer("Escreva uma data, como 31/12/2026.", "Write a date, such as 31/12/2026.")


READERS: Final = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.EMAIL: _email,
    Kind.PHONE: _phone,
    Kind.CHOICE: _choice,
    Kind.DATE: _date,
}
