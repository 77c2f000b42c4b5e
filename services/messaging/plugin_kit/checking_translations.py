"""Looking at the translations of a plugin: what they lack, what nobody says any more, what they fill in otherwise."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract

from plugins.texts import VARIABLE
from services.fleet.plugin_loading.translating import NAME, catalog_of

KEYWORDS: Final = {"gettext": None, "ngettext": (1, 2), "N_": None}
Key: TypeAlias = "str | tuple[str, str]"  # a text, or the two of ngettext
Found: TypeAlias = tuple[Path, int, str]  # file, line, what is wrong


def translation_findings(file: Path, code: bytes, translations: Mapping[str, bytes]) -> Iterator[Found]:
    """All that is wrong with the translations of the plugin in `file`, which can be read."""
    for other in sorted(file.parent.glob(f"{file.stem}.*.po")):
        if not NAME.fullmatch(other.name):
            yield other, 1, f"it is not used: a translation is named like {file.stem}.pt_BR.po"
    said = said_in(code)
    for language, content in sorted(translations.items()):
        catalog, po = catalog_of(language, content), file.with_name(f"{file.stem}.{language}.po")
        there = {_key(message): message for message in catalog if message.id}
        for key, line in said.items():
            if key not in there or not _is_translated(there[key], catalog):
                why = " (it is marked as fuzzy)" if key in there and there[key].fuzzy else ""
                yield file, line, f"{po.name} does not translate {_words(key)!r}{why}"
        for key, message in there.items():
            yield from (
                (po, message.lineno or 1, what) for what in _of_message(key, message, said, file.name)
            )


def said_in(code: bytes) -> dict[Key, int]:
    """The texts that the code has translated, each with its first line."""
    found: dict[Key, int] = {}
    for line, texts, _, _ in extract("python", io.BytesIO(code), KEYWORDS):
        found.setdefault(texts if isinstance(texts, str) else (str(texts[0]), str(texts[1])), line)
    return found


def _key(message: Message) -> Key:
    return message.id if isinstance(message.id, str) else (str(message.id[0]), str(message.id[1]))


def _words(key: Key) -> str:
    return key if isinstance(key, str) else key[0]


def _forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def _is_translated(message: Message, catalog: Catalog) -> bool:
    forms = _forms(message)
    wanted = catalog.num_plurals if message.pluralizable else 1
    return not message.fuzzy and len(forms) >= wanted and all(forms)


def _of_message(key: Key, message: Message, said: Collection[Key], file: str) -> Iterator[str]:
    if key not in said:
        yield f"{file} says nothing like {_words(key)!r}; a text that has changed since, or is gone?"
        return
    ids = (key,) if isinstance(key, str) else key
    known = [set(VARIABLE.findall(text)) for text in ids]
    for form in filter(None, _forms(message)):
        there = set(VARIABLE.findall(form))
        strange, lost = there - set.union(*known), set.intersection(*known) - there
        if strange:
            yield f"{_words(key)!r} is filled in with no {_braced(strange)}"
        # A form for one thing need not say the number.
        if lost - ({"n"} if len(ids) > 1 else set()):
            yield f"{_words(key)!r} loses {_braced(lost)}"


def _braced(names: Collection[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))
