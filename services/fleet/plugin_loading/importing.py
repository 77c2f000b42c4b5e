"""From the bytes of a file to a class of BasePlugin, under a module name of its own.

Every version is a fresh module, so no version sees what another has done to its globals, and whoever still runs an old one
keeps it whole. `retire` takes an old one out of `sys.modules`; what nobody uses any more is then freed.
"""

from __future__ import annotations

import linecache
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from pydantic import BaseModel

from plugins.base import BasePlugin
from plugins.translations import Translations
from services.fleet.plugin_loading.describing import describe
from services.fleet.plugin_loading.requirements import declared, unmet
from services.fleet.plugin_loading.translating import TranslationBroken, compiled, parted
from services.fleet.plugin_loading.versions import LoadFailed, Problem, Version, hash_of

LONGEST_NAME = 50  # characters: the column's
_numbers = count(1)


def import_version(file: Path, source: bytes) -> Version:
    """Run the code of `source` as a module, find its plugin and give it its translations.

    Raises LoadFailed, whatever the code does short of ending the process.
    """
    code, translations = parted(source)
    _check_requirements(file, code, hash_of(source))
    catalogues = _catalogues(file, translations, hash_of(source))
    name = f"custom_{file.stem}_{next(_numbers)}"  # without a dot: its logger hangs below no other
    module = ModuleType(name)
    module.__file__ = str(file)
    module.__spec__ = ModuleSpec(name, None, origin=str(file))
    sys.modules[name] = module
    linecache.checkcache(str(file))
    try:
        exec(compile(code, str(file), "exec", dont_inherit=True), module.__dict__)  # noqa: S102  # the operator's own code
        plugin = _checked(module)
        if catalogues:
            plugin.translations = catalogues
        return Version(file.name, str(file), plugin, source, name)
    except BaseException as error:  # noqa: BLE001  # somebody else's code: sys.exit() too is only a version that fails
        retire(name)
        raise LoadFailed(problem_of(error, file, hash_of(source))) from None


def retire(module: str) -> None:
    """Forget a module of a version, and its loggers, which nothing else would ever forget."""
    sys.modules.pop(module, None)
    loggers = logging.root.manager.loggerDict
    for name in [each for each in loggers if each == module or each.startswith(f"{module}.")]:
        del loggers[name]


def problem_of(error: BaseException, file: Path, hash_: str, code: str = "plugin_broken") -> Problem:
    """What went wrong, and the last line of the file that had a part in it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno if frames else None
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return Problem(file.name, hash_, code, reason[:500], line)


def _catalogues(file: Path, translations: Mapping[str, bytes], hash_: str) -> Translations:
    try:
        return compiled(translations)
    except TranslationBroken as broken:
        place = f"{file.stem}.{broken.language}.po" + (f":{broken.line}" if broken.line else "")
        reason = f"{place}: {broken.reason}"[:500]
        raise LoadFailed(Problem(file.name, hash_, "plugin_translation_broken", reason)) from None


def _check_requirements(file: Path, code: bytes, hash_: str) -> None:
    try:
        wrong = list(unmet(declared(code, str(file))))
    except (SyntaxError, ValueError) as error:
        raise LoadFailed(problem_of(error, file, hash_)) from None
    if wrong:
        reason = "; ".join(text for text, _ in wrong)
        raise LoadFailed(Problem(file.name, hash_, "plugin_package_missing", reason, wrong[0][1]))


def _checked(module: ModuleType) -> type[BasePlugin]:
    plugin = getattr(module, "plugin", None)
    if not (isinstance(plugin, type) and issubclass(plugin, BasePlugin)):
        raise TypeError("the module has no `plugin = <a class of BasePlugin>`")
    for name, holds, wanted in CHECKS:
        if not holds(getattr(plugin, name)):
            raise TypeError(f"{plugin.__name__}.{name} must be {wanted}")
    if plugin.setup_handlers is BasePlugin.setup_handlers:
        raise TypeError(f"{plugin.__name__} has no setup_handlers(router)")
    describe(plugin)  # what the panel will ask, and where pydantic looks for its forward references
    return plugin


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def _are_texts(value: Any) -> bool:
    return isinstance(value, tuple | list | set | frozenset) and all(map(_is_text, value))


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


CHECKS: Final[tuple[tuple[str, Callable[[Any], bool], str], ...]] = (
    ("name", _is_name, f"a text of 1 to {LONGEST_NAME} characters"),
    ("title", _is_text, "a text"),
    ("description", _is_text, "a text"),
    ("version", _is_text, "a text"),
    ("author", _is_text, "a text"),
    ("dependencies", _are_texts, "names of plugins, like ('start',)"),
    ("allowed_updates", _are_texts, "kinds of update, like ('inline_query',)"),
    ("requires", _are_texts, "Python packages, like ('httpx>=0.27',)"),
    ("supports_hot_reload", lambda value: isinstance(value, bool), "True or False"),
    ("config_model", _is_model, "a class of PluginConfig"),
    ("config_version", lambda value: type(value) is int and value >= 1, "a whole number from 1 on"),
    ("migrate", callable, "a function of the old configuration"),
)
