"""Texts for people: English templates with values, and the one place where they become a reader's sentence.

Services report and refuse with a `Text`; whoever knows the reader translates it: the web frame when it answers, a worker
when it sends. The catalogue is `translations/<language>/LC_MESSAGES/messages.po`, the same that pages use; English is
the source and has none. How to add a text: docs/panel.md.
"""

from __future__ import annotations

import gettext
import json
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

LOCALES: Final = ("pt_BR", "en")  # the first is the default
SOURCE: Final = "en"  # the language that templates are written in
TRANSLATIONS: Final = Path(__file__).resolve().parents[2] / "translations"

Value: TypeAlias = "str | float | Text"


class Text:
    """A template with {names} and the values that fill them; a value may be a Text itself. Not to be changed.

    Without values the template stands as it is, braces included.
    """

    __slots__ = ("template", "values")

    def __init__(self, template: str, /, **values: Value) -> None:
        self.template: Final = template
        self.values: Final[Mapping[str, Value]] = values

    @classmethod
    def verbatim(cls, words: str) -> Text:
        """The words of somebody else (Telegram, a library, a plugin), which nobody here translates."""
        return cls(WORDS, words=words)

    @classmethod
    def stored(cls, column: str) -> Text:
        """What `for_column` wrote; a finished sentence, as former releases kept them, stays as it is."""
        return revived(json.loads(column)) if column.startswith(MARK) else cls(column)

    def for_column(self) -> str:
        """The text as a column keeps it."""
        return json.dumps(plain(self), ensure_ascii=False) if self.values else self.template

    def changed(self, change: Callable[[str], str]) -> Text:
        """The same with every string among its values changed."""
        return Text(self.template, **{name: _changed(value, change) for name, value in self.values.items()})

    def with_values(self, **values: Value) -> Text:
        """The same with these values in place of its own of the same names."""
        return Text(self.template, **{**self.values, **values})

    def fitting(self, longest: int) -> Text:
        """The same with its values cut until a column of `longest` characters holds it."""
        if not self.values:
            return Text(self.template[:longest])
        for most in range(longest, 0, -10):
            cut = self.changed(lambda value: value[:most])  # noqa: B023  # called at once
            if len(cut.for_column()) <= longest:
                return cut
        return Text(str(self)[:longest])

    def __bool__(self) -> bool:
        return bool(self.template)

    def __str__(self) -> str:
        return translate(self, SOURCE)

    def __repr__(self) -> str:
        return f"Text({self.template!r}, {dict(self.values)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Text):
            return NotImplemented
        return (self.template, self.values) == (other.template, other.values)

    def __hash__(self) -> int:
        return hash(self.template)


WORDS: Final = "{words}"
MARK: Final = '{"$text": '
NO_TEXT: Final = Text.stored("")


def N_(template: str) -> str:
    """Marks a template for the catalogue where it is written down; it becomes a Text, or is translated, elsewhere."""
    return template


def translate(text: Text, locale: str) -> str:
    """The sentence in `locale` ("pt_BR", "pt-BR", "pt", …); English for languages without a catalogue."""
    template = catalogue(locale).gettext(text.template) if text.template else ""  # "" is the catalogue's head
    if not text.values:
        return template
    return template.format_map({name: _translated(value, locale) for name, value in text.values.items()})


@lru_cache(maxsize=64)  # whatever languages Telegram's people have set
def catalogue(locale: str) -> gettext.NullTranslations:
    """The catalogue of `locale`, loaded once per process."""
    language = re.split("[-_]", locale.lower(), maxsplit=1)[0]
    return _loaded(next((known for known in LOCALES if known.partition("_")[0] == language), SOURCE))


def plain(value: Any) -> Any:
    """`value` for JSON, with the texts in its lists and dictionaries as {"$text", "$values"}."""
    if isinstance(value, Text):
        return {"$text": value.template, "$values": plain(dict(value.values))}
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def revived(value: Any) -> Any:
    """What `plain` was given."""
    if isinstance(value, list):
        return [revived(each) for each in value]
    if not isinstance(value, dict):
        return value
    known = {name: revived(each) for name, each in value.items()}
    if known.keys() != {"$text", "$values"}:
        return known
    template = known["$text"]
    return Text(template, **known["$values"])


def _translated(value: Value, locale: str) -> str | float:
    return translate(value, locale) if isinstance(value, Text) else value


def _changed(value: Value, change: Callable[[str], str]) -> Value:
    if isinstance(value, Text):
        return value.changed(change)
    return change(value) if isinstance(value, str) else value


@cache
def _loaded(locale: str) -> gettext.NullTranslations:
    if locale == SOURCE:
        return gettext.NullTranslations()
    return gettext.translation("messages", TRANSLATIONS, [locale])
