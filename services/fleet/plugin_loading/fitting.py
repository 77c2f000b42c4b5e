"""Which versions of custom plugins can serve together: each name once, no dependency missing, none in a circle."""

from __future__ import annotations

from collections.abc import Mapping

from plugins.base import BasePlugin
from services.fleet.plugin_loading.versions import Problem, Version

Versions = Mapping[str, Version]  # by file


def fit(
    built_in: Mapping[str, type[BasePlugin]], wanted: Versions, former: Versions
) -> tuple[dict[str, Version], dict[str, Problem]]:
    """The versions to serve, and what is wrong with those that cannot.

    A version that does not fit gives way to the former one of its file, or is left out. Whoever was there keeps a name
    that two want.
    """
    fitting, problems = dict(wanted), dict[str, Problem]()
    while found := _misfits(built_in, fitting, former):
        for file, problem in found.items():
            problems.setdefault(file, problem)
            if file in former and fitting[file] is not former[file]:
                fitting[file] = former[file]
            else:
                del fitting[file]
    return fitting, problems


def _misfits(
    built_in: Mapping[str, type[BasePlugin]], versions: Versions, former: Versions
) -> dict[str, Problem]:
    by_age = sorted(versions.values(), key=lambda one: (former.get(one.file) is not one, one.file))
    owners: dict[str, str] = dict.fromkeys(built_in, "the built-in plugin")
    found: dict[str, Problem] = {}
    for version in by_age:
        owner = owners.setdefault(version.plugin.name, version.file)
        if owner != version.file:
            reason = f"the name {version.plugin.name!r} is taken by {owner}"
            found[version.file] = Problem(version.file, version.hash, "plugin_name_taken", reason)
    return found or _missing(owners, by_age) or _circular(by_age, former)


def _missing(known: Mapping[str, str], versions: list[Version]) -> dict[str, Problem]:
    found: dict[str, Problem] = {}
    for version in versions:
        missing = sorted(set(version.plugin.dependencies) - known.keys())
        if missing:
            reason = f"it depends on {', '.join(missing)}, which {_there(missing)} not there"
            found[version.file] = Problem(version.file, version.hash, "plugin_dependency_missing", reason)
    return found


def _circular(versions: list[Version], former: Versions) -> dict[str, Problem]:
    """Those that stand in a circle; where some of them are new, those alone."""
    by_name = {version.plugin.name: version for version in versions}
    found: dict[str, Problem] = {}
    for name, version in by_name.items():
        circle = _circle(name, by_name)
        if circle:
            reason = f"its dependencies go in a circle: {' -> '.join(circle)}"
            found[version.file] = Problem(version.file, version.hash, "plugin_dependency_circle", reason)
    new = {file: each for file, each in found.items() if by_file(versions)[file] is not former.get(file)}
    return new or found


def by_file(versions: list[Version]) -> dict[str, Version]:
    """The versions by their files."""
    return {version.file: version for version in versions}


def _circle(name: str, plugins: Mapping[str, Version]) -> list[str]:
    """The way from `name` back to itself, both ends named; empty when there is none."""
    ways = [[name]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for needed in sorted(plugins[way[-1]].plugin.dependencies) if way[-1] in plugins else ():
            if needed == name:
                return [*way, name]
            if needed not in seen:
                seen.add(needed)
                ways.append([*way, needed])
    return []


def _there(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
