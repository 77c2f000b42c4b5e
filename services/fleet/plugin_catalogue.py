"""Which plugins there are: the built-in ones and the files of PLUGINS_DIR, as one value that a reload swaps.

A file that cannot be loaded is reported and left out; the others work (`services/fleet/plugin_loading/`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from pydantic import ValidationError

from plugins.base import BasePlugin
from plugins.texts import KINDS, SAVING
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.settings import Settings
from services.core.validation_texts import reason_of
from services.fleet.plugin_loading import describing
from services.fleet.plugin_loading.configurations import current_config
from services.fleet.plugin_loading.loading import Loader, load_built_in, tidy
from services.fleet.plugin_loading.versions import Catalogue

logger = logging.getLogger(__name__)
BUILT_IN = Path(__file__).resolve().parents[2] / "plugins"
THE_INTERFACE = {
    "__init__",
    "address",
    "base",
    "router",
    "states",
    "effects",
    "answers",
    "form_steps",
    "files",
    "fleet",
    "goals",
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
    "timers",
    "translations",
}  # modules of plugins/ that are no plugins
OF_PAYMENTS: Final = ("pre_checkout_query", "subscription")  # kinds of update wherever payments are taken
MANAGER: Final = "manager"  # the manager bot's plugin, which no other bot can have


class _Process:
    """What this process has: one reference, swapped under a lock, and the settings it is first read with."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.settings: Settings | None = None
        self.present: Catalogue | None = None


_process = _Process()


def configure(settings: Settings) -> None:
    """Say where the plugins of this process are, else the environment does; reads nothing yet."""
    _process.settings = settings


def catalogue() -> Catalogue:
    """The present catalogue, read from the files on first use."""
    return _process.present or _first()


def begin(loader: Loader, refused: Collection[tuple[str, str]]) -> None:
    """Read the catalogue anew, of what served last where it is known: a `Reloader` looks at the folder next."""
    with _process.lock:
        known = _process.present
        swap(loader.first(known.built_in if known else built_in(), refused, kept_first=True))
        tidy(known.custom.values() if known else (), catalogue().custom.values())


def swap(new: Catalogue) -> None:
    """Have `new` asked from now on."""
    with _process.lock:
        _process.present = new


def built_in() -> Mapping[str, type[BasePlugin]]:
    """Our own plugins."""
    return load_built_in(BUILT_IN, THE_INTERFACE)


def offer(*plugins: type[BasePlugin]) -> None:
    """Add plugins to this process's catalogue as if they were built in; for programs that bring their own."""
    with _process.lock:
        present = catalogue()
        swap(replace(present, built_in={**present.built_in, **{plugin.name: plugin for plugin in plugins}}))


def _first() -> Catalogue:
    with _process.lock:
        if _process.present is None:
            loader = Loader(_process.settings or Settings())
            swap(loader.first(built_in()))
            loader.trial.close()
        return cast(Catalogue, _process.present)


def names() -> list[str]:
    """The names of all plugins that can be chosen."""
    return sorted(catalogue().plugins.keys() - {MANAGER})


def describe() -> list[describing.PluginDescription]:
    """All plugins with their configuration's schema and fields, for the panel and the API."""
    return [describing.describe(catalogue().plugins[name]) for name in names()]


def validate(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` as it is to be stored; InvalidInput for an unknown plugin, a wrong value, a text that Telegram refuses."""
    plugin = _known(name)
    try:
        return stored_form(plugin, config)
    except ValidationError as error:
        raise _refusals(name, error)[0] from None


def problems(name: str, config: Mapping[str, Any]) -> list[InvalidInput]:
    """All that `validate` has against `config`, each with its place; nothing for one that can be stored."""
    try:
        _known(name).config_model.model_validate(dict(config), context={SAVING: True})
    except ValidationError as error:
        return _refusals(name, error)
    except InvalidInput as error:
        return [error]
    return []


def _known(name: str) -> type[BasePlugin]:
    plugin = catalogue().plugins.get(name) if name != MANAGER else None
    if plugin is None:
        known = ", ".join(names())
        raise InvalidInput(
            Text("There is no plugin '{name}'; choose from: {known}", name=name, known=known),
            code="unknown_plugin",
            field="plugins",
        )
    return plugin


def _refusals(name: str, error: ValidationError) -> list[InvalidInput]:
    return [
        InvalidInput(
            reason_of(each),
            code=each["type"] if each["type"] in KINDS else "invalid_plugin_config",
            field=".".join([name, *(str(part) for part in each["loc"])]),
        )
        for each in error.errors(include_url=False, include_input=False)
    ]


def stored_form(plugin: type[BasePlugin], config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` as it is to be stored, defaults filled in; raises pydantic's ValidationError with all that is wrong."""
    return plugin.config_model.model_validate(dict(config), context={SAVING: True}).model_dump(mode="json")


def config_version(name: str) -> int:
    """The version that a configuration of the plugin is of when it is saved now."""
    return catalogue().plugins[name].config_version


def present_config(name: str, config: Mapping[str, Any], version: int) -> dict[str, Any]:
    """A stored configuration as the plugin's present version wants it, for a form; as it is where that cannot be had."""
    plugin = catalogue().plugins.get(name)
    try:
        return dict(config) if plugin is None else current_config(plugin, config, version)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # somebody else's code
        logger.warning("plugin %s cannot migrate a stored configuration: %s", name, type(error).__name__)
        return dict(config)


def check_together(present: Sequence[str]) -> None:
    """Refuse repetitions and missing dependencies among the enabled plugins of one bot, all of them known: InvalidInput."""
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


def allowed_updates(chosen: Iterable[str]) -> list[str]:
    """The kinds of update that the named plugins want beside the usual ones."""
    known = catalogue().plugins
    return sorted({kind for name in chosen if name in known for kind in kinds_of(known[name])})


def kinds_of(plugin: type[BasePlugin]) -> tuple[str, ...]:
    """The kinds of update that a plugin wants beside the usual ones."""
    return (*plugin.allowed_updates, *OF_PAYMENTS) if plugin.takes_payments else plugin.allowed_updates
