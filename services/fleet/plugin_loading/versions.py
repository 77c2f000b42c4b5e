"""Plugins as a process has them: versions of files, what is wrong with others, and the catalogue of both.

A catalogue is a value. A process has one reference to the present one (`services.fleet.plugin_catalogue`), and a reload
swaps it; whoever holds an older catalogue goes on with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from plugins.base import BasePlugin

HASH_LENGTH = 16  # of a SHA-256 in hex: tells versions of one file apart, and fits a table


def hash_of(source: bytes) -> str:
    """The name of a version: of its bytes, so that it is the same in every process and on every machine."""
    return hashlib.sha256(source).hexdigest()[:HASH_LENGTH]


@dataclass(frozen=True)
class Version:
    """One version of a custom plugin, imported into this process under the module name `module`; `path` is in tracebacks."""

    file: str
    path: str
    plugin: type[BasePlugin]
    source: bytes = field(repr=False)
    module: str

    @cached_property
    def hash(self) -> str:
        """The version's name."""
        return hash_of(self.source)


@dataclass(frozen=True)
class Problem:
    """Why the version `hash` of a file does not serve: a stable code, and the line of the file where it is known."""

    file: str
    hash: str
    code: str
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.reason}"

    def as_json(self) -> dict[str, Any]:
        """For the process's report."""
        return {"hash": self.hash, "code": self.code, "reason": self.reason, "line": self.line}


class LoadFailed(Exception):
    """A version cannot serve; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True)
class Catalogue:
    """The plugins of a process. `custom` and `problems` go by file, `plugins` by name, dependencies first."""

    generation: int
    built_in: Mapping[str, type[BasePlugin]]
    custom: Mapping[str, Version] = field(default_factory=dict)
    problems: Mapping[str, Problem] = field(default_factory=dict)

    @cached_property
    def plugins(self) -> Mapping[str, type[BasePlugin]]:
        """All that can be chosen."""
        return MappingProxyType(in_order({**self.built_in, **_by_name(self.custom.values())}))

    @cached_property
    def hashes(self) -> Mapping[str, str]:
        """Name -> version of the custom ones."""
        return MappingProxyType({version.plugin.name: version.hash for version in self.custom.values()})

    def problem_of(self, name: str) -> str:
        """What is known of a plugin that is not there."""
        found = [problem for file, problem in self.problems.items() if file == f"{name}.py"]
        return str(found[0]) if found else "there is no such plugin"


def in_order(plugins: Mapping[str, type[BasePlugin]]) -> dict[str, type[BasePlugin]]:
    """The same plugins, each after those that it depends on; where that goes in a circle, in any order."""
    placed: dict[str, type[BasePlugin]] = {}
    begun: set[str] = set()

    def place(name: str) -> None:
        if name in begun or name not in plugins:
            return
        begun.add(name)
        for needed in sorted(plugins[name].dependencies):
            place(needed)
        placed[name] = plugins[name]

    for name in sorted(plugins):
        place(name)
    return placed


def _by_name(versions: Iterable[Version]) -> dict[str, type[BasePlugin]]:
    return {version.plugin.name: version.plugin for version in versions}
