"""A custom plugin with its translations: one source, so that a changed translation is another version of the plugin.

`prices.py` may have `prices.pt_BR.po`, `prices.es.po` … beside it. A source is the bytes of the code; where there are
translations, they follow behind a mark that no Python file can hold. Versions are named, tried, kept, refused and swapped by it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from services.fleet.plugin_loading.folder import ABSENT_SECONDS, Signature, WatchedFolder

MARK: Final = b"\0translations\0"
SUFFIXES: Final = (".py", ".po")
NAME: Final = re.compile(r"(?P<plugin>[^.]{1,100})\.(?P<language>[a-z]{2,3}(?:_[A-Z][A-Za-z]{1,3})?)\.po")


class TranslationBroken(Exception):
    """A .po file cannot be read; `line` is 0 where that is not known."""

    def __init__(self, language: str, line: int, reason: str) -> None:
        super().__init__(reason)
        self.language = language
        self.line = line
        self.reason = reason


def joined(code: bytes, translations: Mapping[str, bytes]) -> bytes:
    """Code and the .po files, by language, as one source; the code alone without any."""
    if not translations:
        return code
    texts = {language: content.decode("latin-1") for language, content in translations.items()}
    return code + MARK + json.dumps(texts, sort_keys=True).encode()


def parted(source: bytes) -> tuple[bytes, dict[str, bytes]]:
    """What `joined` was given."""
    code, mark, texts = source.partition(MARK)
    found: dict[str, str] = json.loads(texts) if mark else {}
    return code, {language: text.encode("latin-1") for language, text in found.items()}


def catalog_of(language: str, content: bytes) -> Catalog:
    """A .po file. Raises TranslationBroken."""
    try:
        return read_po(io.BytesIO(content), locale=language, abort_invalid=True)
    except PoFileError as error:
        raise TranslationBroken(language, error.lineno + 1, str(error).partition(" on ")[0]) from None
    except Exception as error:  # noqa: BLE001  # babel says in many ways that a file is none
        raise TranslationBroken(language, 0, f"{type(error).__name__}: {error}") from None


def compiled(translations: Mapping[str, bytes]) -> dict[str, NullTranslations]:
    """The .po files as the plugin's texts are looked up in them. Raises TranslationBroken."""
    return {language: _compiled(language, content) for language, content in translations.items()}


def _compiled(language: str, content: bytes) -> NullTranslations:
    machine = io.BytesIO()
    write_mo(machine, catalog_of(language, content))
    machine.seek(0)
    try:
        return GNUTranslations(machine)
    except (ValueError, OSError, LookupError) as error:  # its rule for plurals, its encoding
        raise TranslationBroken(language, 0, f"{type(error).__name__}: {error}") from None


class PluginFolder(WatchedFolder):
    """PLUGINS_DIR: a change of a translation is one of its plugin's file."""

    def __init__(self, path: Path, absent_seconds: float = ABSENT_SECONDS) -> None:
        super().__init__(path, absent_seconds, SUFFIXES)

    def read(self, name: str) -> bytes | None:
        """The source of a plugin, translations included."""
        code = super().read(name)
        if code is None:
            return None
        found = {file: NAME.fullmatch(file) for file in super()._signatures()}
        languages = {
            match["language"]: super(PluginFolder, self).read(file)
            for file, match in found.items()
            if match and f"{match['plugin']}.py" == name
        }
        return joined(code, {key: content for key, content in languages.items() if content is not None})

    def _signatures(self) -> dict[str, Signature]:
        seen = super()._signatures()
        files = {name: signature for name, signature in seen.items() if name.endswith(".py")}
        for name in sorted(seen.keys() - files.keys()):
            match = NAME.fullmatch(name)
            file = f"{match['plugin']}.py" if match else ""
            if file in files:
                files[file] = (*files[file], name, *seen[name])
        return files
