"""Looking at a plugin's file before a bot uses it: what is wrong, and in which line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from plugins.answers import CALL_ANSWERED
from plugins.base import BasePlugin
from plugins.router import Router
from plugins.texts import SAVING
from plugins.timers import TIMER_FIRED
from services.fleet.plugin_catalogue import BUILT_IN, catalogue, kinds_of
from services.fleet.plugin_loading.importing import import_version, problem_of, retire
from services.fleet.plugin_loading.translating import PluginFolder, parted
from services.fleet.plugin_loading.versions import LoadFailed
from services.messaging.plugin_kit.checking_translations import translation_findings

USUAL: Final = frozenset(
    ("message", "edited_message", "callback_query", "my_chat_member", CALL_ANSWERED, TIMER_FIRED)
)
NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,49}")
HOOKS: Final = ("on_load", "on_bot_start", "on_bot_stop", "on_unload")
VERSION: Final = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Finding:
    """What is wrong with a plugin; `line` is 0 where it hangs on none."""

    file: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line or 1}: {self.what}"


def check_file(file: Path) -> list[Finding]:
    """All that is found wrong with the plugin in `file`, which is run for it, and its translations; nothing when it is good."""
    source = PluginFolder(file.parent).read(file.name) or b""
    try:
        version = import_version(file, source)
    except LoadFailed as failed:
        return [Finding(file, failed.problem.line or 0, failed.problem.reason)]
    try:
        translated = (Finding(*found) for found in translation_findings(file, *parted(source)))
        return list(dict.fromkeys((*_findings(version.plugin, file), *translated)))
    finally:
        retire(version.module)


def _findings(plugin: type[BasePlugin], file: Path) -> Iterator[Finding]:
    line = _line_of_class(plugin)
    for what in (*_of_class(plugin, file), *_of_config(plugin)):
        yield Finding(file, line, what)
    yield from _of_handlers(plugin, file)


def _of_class(plugin: type[BasePlugin], file: Path) -> Iterator[str]:
    if not NAME.fullmatch(plugin.name):
        yield f"name {plugin.name!r}: 1 to 50 small letters, digits, _ and -, a letter first"
    if plugin.name in catalogue().built_in and file.parent != BUILT_IN:
        yield f"name {plugin.name!r} is taken by the built-in plugin; choose another"
    if not plugin.description:
        yield "description is empty; it is what people choose the plugin by"
    if not VERSION.fullmatch(plugin.version):
        yield f"version {plugin.version!r} is not of the form 1.2.3"
    for hook in HOOKS:
        try:
            inspect.signature(getattr(plugin, hook)).bind(None)
        except TypeError:
            yield f"{hook} is called without arguments: def {hook}(self)"
    for needed in plugin.dependencies:
        if needed not in catalogue().plugins:
            yield f"dependencies: there is no plugin {needed!r}"


def _of_config(plugin: type[BasePlugin]) -> Iterator[str]:
    for name, field in plugin.config_model.model_fields.items():
        if not field.description:
            yield f"field {name} has no description; the panel shows it as help: Field(…, description=…)"
        if field.is_required():
            yield f"field {name} has no default; the panel cannot make a form without one"
    try:
        plugin.config_model.model_validate({}, context={SAVING: True})
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            if each["type"] != "missing":
                yield f"the default of {'.'.join(map(str, each['loc']))} would be refused: {each['msg']}"


def _of_handlers(plugin: type[BasePlugin], file: Path) -> list[Finding]:
    router = Router()
    router.plugin = plugin.name
    try:
        made = plugin(1, {})
        made.setup_handlers(router)
    except ValidationError:
        return []  # told already
    except Exception as error:  # noqa: BLE001  # somebody else's code
        problem = problem_of(error, file, "")
        return [Finding(file, problem.line or 0, f"setup_handlers failed: {problem.reason}")]
    found = [_of_handler(handler, file) for handler in router.handlers]
    line = _line_of_class(plugin)
    if not found:
        return [Finding(file, line, "setup_handlers registers no handler")]
    unheard = sorted(set(router.kinds) - USUAL - set(kinds_of(plugin)))
    told = [
        f"allowed_updates lacks {kind!r}: Telegram will not send what it has a route for" for kind in unheard
    ]
    return [each for each in found if each] + [Finding(file, line, what) for what in told]


def _of_handler(handler: Any, file: Path) -> Finding | None:
    try:
        inspect.signature(handler).bind(None, None)
    except TypeError:
        code = getattr(inspect.unwrap(handler), "__code__", None)
        name = getattr(handler, "__name__", repr(handler))
        return Finding(file, getattr(code, "co_firstlineno", 0), f"handler {name} must take (event, ctx)")
    except ValueError:  # one without a signature, of C
        return None
    return None


def _line_of_class(plugin: type[BasePlugin]) -> int:
    try:
        return inspect.getsourcelines(plugin)[1]
    except (OSError, TypeError):
        return 0
