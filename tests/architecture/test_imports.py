"""One direction: wsgi -> app -> blueprints -> web -> services -> models; jobs -> services; plugins -> the plugin API.

Within `services/` a file imports from its own layer or a lower one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator

from tests.architecture.source import Source, imports, product

# What each part may import of ours. A dotted name allows that module alone.
MAY_IMPORT = {
    "wsgi": {"app", "services"},
    "app": {"blueprints", "commands", "services", "web"},
    "gunicorn": {"app", "web.lifecycle", "web.server", "services"},  # gunicorn.conf.py
    "blueprints": {"blueprints", "web", "services", "models"},
    "web": {"web", "services", "models"},
    "commands": {"commands", "web.platform", "services", "models"},
    "jobs": {"jobs", "services", "models"},
    "services": {"services", "models", "plugins"},
    "models": {"services.core.i18n", "services.core.times", "services.core.states"},
    "plugins": {"plugins"},
    "plugins.testing": {"services.messaging.plugin_kit"},  # for tests of plugins, never imported by one
    "launch": {"launch", "services", "models"},
    "migrations": {"models", "services"},
    "examples": set(),  # to be copied elsewhere
    # They attack, measure and play an installation from outside, but make its bots as the tests do.
    "tools": {"tools", "app", "wsgi.app", "jobs", "launch", "models", "plugins", "services"},
}
# The layers of services/, lowest first.
LAYERS = (
    "core",  # settings, errors, logs, metrics, secrets, times: knows nothing of databases and networks
    "platform",  # database, Redis, Telegram, accounts
    "queueing",  # lanes, fair queue, pools of greenlets
    "alerts",  # notifications, dead letters
    "fleet",  # bots, pools, experiments, health
    "traffic",  # clicks
    "messaging",  # updates in, messages out
    "reporting",  # what people and programs read
    "operations",  # readiness, watchdogs, retention
)
OURS = set(MAY_IMPORT) - {"gunicorn"} | {"tests"}  # there the name is the server's
# What services may know of Flask: the application that has the database, and what upgrades that database's schema.
FLASK_IN_SERVICES = {
    "services.platform.application": {"flask.Flask", "flask_sqlalchemy.SQLAlchemy"},
    "services.platform.platform": {"flask.Flask"},
    "services.platform.schema": {"flask_migrate"},
}
FOR_PLUGINS = {"pydantic", "pydantic_core", "telebot"}  # the second is the other half of the first


def test_every_part_of_the_house_is_known_here() -> None:
    assert {source.package for source in product()} <= set(MAY_IMPORT)


def test_imports_point_one_way() -> None:
    wrong = {source.name: list(_against_the_direction(source)) for source in product()}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_within_services_imports_point_downwards() -> None:
    wrong = {
        source.name: [name for name in imports(source) if _layer(name) > _layer(source.name)]
        for source in product()
        if source.package == "services"
    }
    assert {name: found for name, found in wrong.items() if found} == {}


def test_every_folder_of_services_is_a_layer() -> None:
    folders = {source.name.split(".")[1] for source in product() if source.name.startswith("services.")}
    assert folders == set(LAYERS)


def test_services_know_nothing_of_requests() -> None:
    users = _users_of("services", lambda name: name.startswith(("flask", "werkzeug")))
    assert {name: set(imported) for name, imported in users.items()} == FLASK_IN_SERVICES


def test_sessions_are_opened_by_use_cases_alone_never_by_the_extension() -> None:
    """`db.session` hangs on an application context: a greenlet has none, and a view would commit."""
    users = [
        source.name
        for source in product()
        if any(isinstance(node, ast.Attribute) and ast.unparse(node) == "db.session" for node in source.nodes)
    ]
    assert users == []


def test_plugins_use_only_what_bot_authors_may_rely_on() -> None:
    known = FOR_PLUGINS | {"plugins"} | set(sys.stdlib_module_names)
    users = _users_of("plugins", lambda name: name.partition(".")[0] not in known)
    assert users.keys() == {"plugins.testing"}


def test_only_the_adapter_touches_the_module_globals_of_the_telegram_library() -> None:
    users = {
        source.name
        for source in product()
        if any(_lies_in(name, "telebot.apihelper") for name in imports(source))
        and not source.name.startswith(
            "tools.sandbox_clients."
        )  # a program of its own that tries the library
    }
    assert all(name.startswith("services.platform.telegram") for name in users)


def _against_the_direction(source: Source) -> Iterator[str]:
    allowed = MAY_IMPORT.get(source.name) or MAY_IMPORT.get(source.package, set())
    for name in imports(source):
        if name.partition(".")[0] in OURS and not any(_lies_in(name, part) for part in allowed):
            yield name


def _layer(name: str) -> int:
    """Rank of a module of services/; what lies outside counts as lowest."""
    parts = name.split(".")
    return LAYERS.index(parts[1]) if parts[0] == "services" and len(parts) > 1 else -1


def _users_of(package: str, matches: Callable[[str], bool]) -> dict[str, list[str]]:
    """Files of `package` with the imports that match."""
    found = {
        source.name: [name for name in imports(source) if matches(name)]
        for source in product()
        if source.package == package
    }
    return {name: imported for name, imported in found.items() if imported}


def _lies_in(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")
