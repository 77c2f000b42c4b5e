"""Texts that people are to read in Telegram: filling their variables, and refusing when they are saved what Telegram will
always refuse when they are sent.

A configuration marks such a field: `welcome: Annotated[str, TelegramText(variables=VARIABLES)] = "Hi {first_name}"`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from plugins.markup import HTML, MARKDOWN, MarkupError, visible

LONGEST_MESSAGE: Final = 4096  # UTF-16 units that people see
LONGEST_CAPTION: Final = 1024
LONGEST_LABEL: Final = 64  # of a button: what clients still show of it
LONGEST_SOURCE: Final = 34_000  # bytes with markup: the server cuts off what is over 35,000
AS_THE_BOT: Final = "as the bot"  # stands for the parse mode that the bot's settings name
SAVING: Final = "saving"  # in the context of a validation: a person saves this, it is not read back

VARIABLE: Final = re.compile(r"\{(\w+)\}")
MARKDOWN_SIGNS: Final = re.compile(r"([_*\[\]()~`>#+\-=|{}.!\\])")
# Characters that Telegram allows each; two UTF-16 units in the worst case.
LONGEST_VALUES: Final = {
    "first_name": 64,
    "last_name": 64,
    "username": 32,
    "id": 16,
    "start_param": 64,
    "bot_name": 64,
}
VARIABLES: Final = tuple(LONGEST_VALUES)
NEVER_BLANK: Final = frozenset({"id", "bot_name"})
TROUBLE: Final = "\"'<>&\\_*[]()~`#+-=|{}.!"  # a name that is made of markup
# What Telegram removes or takes for spaces: a message of nothing else is empty to it.
BLANK: Final = re.compile(
    "[\\s\x00-\x20\xa0\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f\u2800\u3000\ufeff\ufffc\u0333\u033f\u030a"
    "\U000e0000-\U000e007f]*"
)


def N_(template: str) -> str:
    """Marks a sentence for the catalogue of translations."""
    return template


KINDS: Final = {
    "text_tag_unknown": N_("Line {line}: Telegram knows no tag <{tag}>; a plain < is written &lt;"),
    "text_tag_unclosed": N_("Line {line}: <{tag}> is never closed; end it with </{tag}>"),
    "text_tag_unmatched": N_("Line {line}: </{tag}> closes nothing that is open there"),
    "text_tag_malformed": N_("Line {line}: the tag <{tag}> is not complete"),
    "text_sign_unescaped": N_("Line {line}: the sign {sign} must be written \\{sign}"),
    "text_sign_unclosed": N_("Line {line}: {sign} is never closed"),
    "text_link_malformed": N_("Line {line}: a link is not complete"),
    "text_blank": N_("Telegram sends no blank text"),
    "text_may_be_blank": N_("This is blank for a person without {variables}; add words of your own"),
    "text_too_long": N_(
        "{length} characters in the longest case, emoji counting twice; Telegram takes {longest}"
    ),
    "text_source_too_long": N_(
        "{length} bytes with the markup in the longest case; Telegram takes {longest}"
    ),
    "text_variable_unknown": N_("There is no variable {variable}; there are {known}"),
}


def units(text: str) -> int:
    """The length of `text` as Telegram counts it, in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def is_blank(text: str) -> bool:
    """Whether Telegram takes `text` for empty."""
    return BLANK.fullmatch(text) is not None


def escaped(value: object, parse_mode: str | None) -> str:
    """`value`, which a person may have written, for use inside a text of this parse mode, also in an attribute."""
    if parse_mode == HTML:
        return html.escape(str(value))
    return MARKDOWN_SIGNS.sub(r"\\\1", str(value)) if parse_mode == MARKDOWN else str(value)


def filled(template: str, values: Mapping[str, object], parse_mode: str | None) -> str:
    """`template` with each {name} of `values` replaced, escaped; other braces stay as they are."""
    return VARIABLE.sub(
        lambda found: escaped(values[found[1]], parse_mode) if found[1] in values else found[0], template
    )


def refusal(kind: str, **values: Any) -> PydanticCustomError:
    """The error of a text that Telegram would refuse; `kind`, one of KINDS, is its stable code."""
    return PydanticCustomError(kind, KINDS[kind], values)


@dataclass(frozen=True)
class OwnVariable:
    """A variable that is none of VARIABLES, and how many characters it has at least and at most."""

    name: str
    shortest: int
    longest: int


@dataclass(frozen=True)
class TelegramText:
    """Marks a text of a configuration as one for Telegram: sent with `parse_mode`, after `variables` were filled in.

    Checked when somebody saves it, not when it is read back: what a former release let pass goes on as it did.
    """

    parse_mode: str | None = HTML
    variables: tuple[str, ...] = ()
    longest: int = LONGEST_MESSAGE
    may_be_blank: bool = False
    own: tuple[OwnVariable, ...] = ()  # filled in like `variables`, with what the text's owner puts into them

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self.checked, handler(source))

    def checked(self, text: str, info: ValidationInfo) -> str:
        """`text`, if nothing is known for which Telegram would refuse it; PydanticCustomError with one of KINDS else."""
        if is_saving(info):
            self.check(text)
        return text

    def check(self, text: str) -> None:
        """The same for a text that is none of a configuration."""
        self._variables(text)
        try:
            shown = [
                visible(filled(text, values, self.parse_mode), self.parse_mode) for values in self._cases()
            ]
        except MarkupError as error:
            raise refusal(error.kind, **error.values) from None
        length = max(units(each) for each in shown)
        if length > self.longest:
            raise refusal("text_too_long", length=length, longest=self.longest)
        self._source(text)
        if not self.may_be_blank:
            self._blank(text, shown[0])

    def _cases(self) -> list[dict[str, str]]:
        """Values for the variables: as little as there may be, as much as there may be, and the most troublesome."""
        least = {name: "0" if name in NEVER_BLANK else "" for name in self.variables}
        most = {name: "\U0001f600" * LONGEST_VALUES[name] for name in self.variables}
        trouble = dict.fromkeys(self.variables, TROUBLE) | ({"id": "0"} if "id" in self.variables else {})
        least |= {each.name: "0" * each.shortest for each in self.own}
        most |= {each.name: "\U0001f600" * each.longest for each in self.own}
        return [least, most, trouble | {each.name: TROUBLE[: each.longest] for each in self.own}]

    def _names(self) -> tuple[str, ...]:
        return (*self.variables, *(each.name for each in self.own))

    def _variables(self, text: str) -> None:
        names = self._names()
        if names:
            for found in VARIABLE.finditer(text):
                if found[1] not in names:
                    known = " ".join(f"{{{name}}}" for name in names)
                    raise refusal("text_variable_unknown", variable=found[0], known=known)

    def _source(self, text: str) -> None:
        size = max(
            len(filled(text, values, self.parse_mode).encode(errors="replace")) for values in self._cases()
        )
        if size > LONGEST_SOURCE:
            raise refusal("text_source_too_long", length=size, longest=LONGEST_SOURCE)

    def _blank(self, text: str, shown: str) -> None:
        if not is_blank(shown):
            return
        names = [found[0] for found in VARIABLE.finditer(text) if found[1] in self._names()]
        if names:
            raise refusal("text_may_be_blank", variables=" ".join(dict.fromkeys(names)))
        raise refusal("text_blank")


PLAIN_TEXT: Final = TelegramText(None)  # a button's label, for one: words alone


@dataclass(frozen=True)
class PlannedText:
    """A text that a configuration makes a bot send. `field` is where it stands, `variables` are filled in first."""

    field: str
    text: str
    parse_mode: str | None = HTML
    variables: tuple[str, ...] = ()

    def filled(self, values: Mapping[str, object]) -> str:
        """As it is sent to somebody with these values."""
        known = {name: values[name] for name in self.variables if name in values}
        return filled(self.text, known, self.parse_mode)


def marked_texts(config: BaseModel) -> Iterator[PlannedText]:
    """The fields of a configuration that are marked as TelegramText, and the items of lists of such."""
    for name, info in type(config).model_fields.items():
        value = getattr(config, name)
        for mark in _marks(info.metadata):
            yield PlannedText(name, value, mark.parse_mode, mark.variables)
        for inner in get_args(info.annotation) if isinstance(value, list) else ():
            for mark in _marks(getattr(inner, "__metadata__", ())):
                for place, text in enumerate(value):
                    yield PlannedText(f"{name}.{place}", text, mark.parse_mode, mark.variables)


def text_places(config: BaseModel) -> Iterator[tuple[str | int, ...]]:
    """Where in a configuration texts are that are marked as TelegramText, in lists and parts of it as well."""
    for name, info in type(config).model_fields.items():
        yield from _places((name,), getattr(config, name), info.annotation, _marks(info.metadata))


def _places(
    place: tuple[str | int, ...], value: Any, annotation: Any, marks: list[TelegramText]
) -> Iterator[tuple[str | int, ...]]:
    inner = get_args(annotation)
    if isinstance(value, str):
        if marks or any(_marks(getattr(each, "__metadata__", ())) for each in inner):
            yield place
    elif isinstance(value, BaseModel):
        for found in text_places(value):
            yield (*place, *found)
    elif isinstance(value, list):
        of_items = inner[0] if inner else None
        for number, item in enumerate(value):
            yield from _places(
                (*place, number), item, of_items, _marks(getattr(of_items, "__metadata__", ()))
            )


def _marks(metadata: Iterable[Any]) -> list[TelegramText]:
    return [mark for mark in metadata if isinstance(mark, TelegramText)]


def is_saving(info: ValidationInfo) -> bool:
    """Whether somebody saves what is being validated."""
    return bool((info.context or {}).get(SAVING))
