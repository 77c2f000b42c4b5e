"""Which plugins there are: the built-in ones and the files of `plugins/custom`.

A file that cannot be loaded is reported and left out; the others work.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from plugins.base import BasePlugin
from plugins.texts import KINDS, SAVING
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.validation_texts import reason_of

logger = logging.getLogger(__name__)
BUILT_IN = Path(__file__).resolve().parents[2] / "plugins"
CUSTOM = BUILT_IN / "custom"
THE_INTERFACE = {
    "__init__",
    "address",
    "base",
    "router",
    "states",
    "effects",
    "answers",
    "form_steps",
    "http",
    "support_book",
    "testing",
    "context",
    "conversation",
    "buttons",
    "commands",
    "database",
    "markup",
    "styles",
    "texts",
}  # modules of plugins/ that are no plugins


@dataclass
class Catalogue:
    """The plugins of this process by name, and why the rest could not be loaded (file -> reason)."""

    plugins: dict[str, type[BasePlugin]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


@cache
def catalogue() -> Catalogue:
    """The catalogue, read from the files on first use."""
    found = Catalogue()
    for file in sorted(BUILT_IN.glob("*.py")):
        if file.stem not in THE_INTERFACE:
            _add(found, file, f"plugins.{file.stem}")
    for file in sorted(CUSTOM.glob("*.py")):
        _add(found, file, f"plugins.custom.{file.stem}")
    return found


def names() -> list[str]:
    """The names of all plugins that can be chosen."""
    return sorted(catalogue().plugins)


def describe() -> list[dict[str, Any]]:
    """All plugins with their configuration's fields, for the panel and the API."""
    return [_describe(plugin) for _, plugin in sorted(catalogue().plugins.items())]


def validate(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` as it is to be stored; InvalidInput for an unknown plugin, a wrong value, a text that Telegram refuses."""
    plugin = catalogue().plugins.get(name)
    if plugin is None:
        known = ", ".join(names())
        raise InvalidInput(
            Text("There is no plugin '{name}'; choose from: {known}", name=name, known=known),
            code="unknown_plugin",
            field="plugins",
        )
    try:
        return plugin.config_model.model_validate(dict(config), context={SAVING: True}).model_dump(
            mode="json"
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join([name, *(str(part) for part in first["loc"])])
        raise InvalidInput(
            reason_of(first),
            code=first["type"] if first["type"] in KINDS else "invalid_plugin_config",
            field=where,
        ) from None


def validate_all(choices: Iterable[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """The enabled plugins of one bot, (name, config) in order; also refuses repetitions and missing dependencies."""
    chosen = [(name, validate(name, config)) for name, config in choices]
    present = [name for name, _ in chosen]
    for index, name in enumerate(present):
        if name in present[:index]:
            raise InvalidInput(
                Text("Plugin {name} is listed twice", name=name), code="plugin_repeated", field="plugins"
            )
        missing = [needed for needed in catalogue().plugins[name].dependencies if needed not in present]
        if missing:
            raise InvalidInput(
                Text("Plugin {name} needs {others}; add it", name=name, others=", ".join(missing)),
                code="plugin_dependency",
                field="plugins",
            )
    return chosen


def allowed_updates(chosen: Iterable[str]) -> list[str]:
    """The kinds of update that the named plugins want beside the usual ones."""
    known = catalogue().plugins
    return sorted({kind for name in chosen if name in known for kind in known[name].allowed_updates})


def _describe(plugin: type[BasePlugin]) -> dict[str, Any]:
    schema = plugin.config_model.model_json_schema()
    defaults = plugin.config_model.model_construct().model_dump(mode="json")
    return {
        "name": plugin.name,
        "title": plugin.title or plugin.name,
        "description": plugin.description,
        "version": plugin.version,
        "author": plugin.author,
        "dependencies": list(plugin.dependencies),
        "fields": [
            {
                "name": name,
                "type": properties.get("type", "object"),
                "default": defaults.get(name),
                "description": properties.get("description", ""),
                "schema": properties,
            }
            for name, properties in schema.get("properties", {}).items()
        ],
    }


def _add(found: Catalogue, file: Path, module_name: str) -> None:
    try:
        plugin = _plugin_in(_load(file, module_name))
        if plugin.name in found.plugins:
            raise ValueError(f"the name {plugin.name!r} is taken by another plugin")
        found.plugins[plugin.name] = plugin
    except Exception as error:  # noqa: BLE001  # somebody else's code: whatever it raises, the others must work
        found.failures[file.name] = f"{type(error).__name__}: {error}"
        logger.error("plugin %s could not be loaded: %s", file.name, found.failures[file.name])


def _load(file: Path, module_name: str) -> ModuleType:
    if file.parent == BUILT_IN:
        return importlib.import_module(module_name)
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def _plugin_in(module: ModuleType) -> type[BasePlugin]:
    plugin = getattr(module, "plugin", None)
    if not (isinstance(plugin, type) and issubclass(plugin, BasePlugin)):
        raise TypeError("the module has no `plugin = <a class of BasePlugin>`")
    if not plugin.name:
        raise ValueError("the plugin has no name")
    return plugin
