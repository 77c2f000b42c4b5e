"""The files of PLUGINS_DIR as administrators see them: which version each process serves, and why another does not come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from redis import RedisError
from typing_extensions import TypedDict

from services.core.answer_types import Sentence
from services.core.errors import Unavailable
from services.core.i18n import Text
from services.fleet.plugin_loading.refusals import lift
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.queueing.heartbeats import Process, processes

TITLES: Final = {
    "plugin_broken": Text("It cannot be imported"),
    "plugin_import_slow": Text("Its import does not end in time"),
    "plugin_ends_process": Text("Its import ends the process"),
    "plugin_package_missing": Text("A Python package that it needs is missing"),
    "plugin_dependency_missing": Text("A plugin that it depends on is missing"),
    "plugin_dependency_circle": Text("Its dependencies go in a circle"),
    "plugin_name_taken": Text("Its name is taken"),
    "plugin_configuration_refused": Text("It cannot serve a bot that uses it"),
    "plugin_version_refused": Text("It failed far more often than the version before it"),
    "plugin_translation_broken": Text("A file of its translations cannot be read"),
    "plugin_unreadable": Text("The file cannot be read"),
}

UNKNOWN: Final = Text("It cannot serve")  # a process of a newer release says why


class ServedView(TypedDict):
    """A version that serves, and in which processes."""

    name: str
    version: str
    hash: str
    processes: list[str]


class WaitingView(TypedDict):
    """A version that waits for the next start, since the plugin does not allow to be replaced."""

    hash: str
    processes: list[str]


class ProblemView(TypedDict):
    """Why a version does not serve; `reason` is what was raised, `line` that of the file."""

    code: str
    title: Sentence
    reason: str
    line: int | None
    hash: str
    processes: list[str]


class PluginFileView(TypedDict):
    """One file, as the processes that know it have told within the last minute."""

    file: str
    served: list[ServedView]
    waiting: list[WaitingView]
    problems: list[ProblemView]
    processes: int  # that watch the folder


Told = tuple[str, dict[str, Any]]  # name of a process, what it says of one file


def list_plugin_files(platform: Platform, caller: Principal) -> list[PluginFileView]:
    """Every file that a process serves or cannot serve, by name. Forbidden for all but admins, Unavailable without Redis."""
    caller.require_admin()
    try:
        watching = [process for process in processes(platform) if "plugins" in process.figures]
    except RedisError:
        raise Unavailable("Redis does not answer; try again") from None
    files = sorted({file for process in watching for file in process.figures["plugins"]})
    return [_described(file, watching) for file in files]


def reload_plugins(platform: Platform, caller: Principal) -> None:
    """Have every process look at all files again, versions that were refused for failing included.

    Forbidden for all but admins, Unavailable without Redis or the database.
    """
    caller.require_admin()
    with platform.database.transaction() as session:
        audit(session, caller, "plugins_reloaded")
    try:
        lift(platform)
    except RedisError:
        raise Unavailable("Redis does not answer; try again") from None


def _described(file: str, watching: Iterable[Process]) -> PluginFileView:
    told = [(each.name, each.figures["plugins"].get(file, {})) for each in watching]
    served = [
        (name, {key: report[key] for key in ("name", "version", "hash")})
        for name, report in told
        if report.get("hash")
    ]
    waiting = [(name, {"hash": report["waiting"]}) for name, report in told if report.get("waiting")]
    problems = [(name, report["problem"]) for name, report in told if report.get("problem")]
    return {
        "file": file,
        "served": [_served(one, names) for one, names in _grouped(served)],
        "waiting": [{"hash": one["hash"], "processes": names} for one, names in _grouped(waiting)],
        "problems": [_problem(one, names) for one, names in _grouped(problems)],
        "processes": len(told),
    }


def _grouped(told: list[Told]) -> list[tuple[dict[str, Any], list[str]]]:
    """What was told, each with the processes that told it; what most say first."""
    groups: list[tuple[dict[str, Any], list[str]]] = []
    for name, said in told:
        known = next((names for one, names in groups if one == said), None)
        if known is None:
            groups.append((said, [name]))
        else:
            known.append(name)
    return sorted(groups, key=lambda group: -len(group[1]))


def _served(one: dict[str, Any], names: list[str]) -> ServedView:
    return {"name": one["name"], "version": one["version"], "hash": one["hash"], "processes": names}


def _problem(one: dict[str, Any], names: list[str]) -> ProblemView:
    return {
        "code": one["code"],
        "title": TITLES.get(one["code"], UNKNOWN),
        "reason": one["reason"],
        "line": one["line"],
        "hash": one["hash"],
        "processes": names,
    }
