"""Texts of a plugin in the person's language, out of the .po files that lie beside it: NAME.LANGUAGE.po, such as prices.pt_BR.po.

What stands in the code is the text for everybody whose language has no file, and for what a file leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
from gettext import NullTranslations
from typing import Any, TypeAlias

from plugins.texts import AS_THE_BOT, filled

Translations: TypeAlias = Mapping[str, NullTranslations]  # by language: pt_BR, en …


def best(translations: Translations, language: str) -> NullTranslations:
    """The one for somebody whose Telegram speaks `language` ("pt-br", "pt", …): this very one, the language without a
    country, or with another; one that translates nothing where there is none.
    """
    wanted = language.lower().replace("-", "_")
    plain = wanted.partition("_")[0]
    known = {name.lower(): each for name, each in sorted(translations.items())}
    others = (name for name in known if name.partition("_")[0] == plain)
    found = next((name for name in (wanted, plain) if name in known), next(others, None))
    return NullTranslations() if found is None else known[found]


class TranslatingContext:
    """The part of a context that speaks the person's language. The attributes are those of the context."""

    lead: Any
    plugin: str
    translations: Mapping[str, Translations]

    def gettext(self, text: str, /, *, parse_mode: str | None = AS_THE_BOT, **values: object) -> str:
        """`text` in the person's language, with {name} of `values` filled in, escaped for the bot's parse mode; with
        parse_mode None for what has none: labels of buttons, notices.
        """
        translated = self._own.gettext(text) if text else ""  # "" is a file's head
        return filled(translated, values, self._mode(parse_mode))

    def ngettext(
        self, one: str, many: str, n: int, /, *, parse_mode: str | None = AS_THE_BOT, **values: object
    ) -> str:
        """The same in the form that `n` things ask for; {n} is filled in, too."""
        return filled(self._own.ngettext(one, many, n), {"n": n, **values}, self._mode(parse_mode))

    @property
    def _own(self) -> NullTranslations:
        return best(self.translations.get(self.plugin, {}), self.lead.language)

    def _mode(self, parse_mode: str | None) -> str | None:
        raise NotImplementedError
