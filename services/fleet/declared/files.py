"""All files of CONFIG_DIR, read. A file that did not change is not read a second time by the same process."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.core.i18n import N_, Text
from services.core.settings import Settings
from services.fleet.declared.bot_file import ReadFile, read_bot_file
from services.fleet.declared.problems import START, FileRefused, Problem
from services.fleet.plugin_catalogue import catalogue
from services.fleet.plugin_loading.folder import WatchedFolder
from services.fleet.plugin_loading.side_process import ROOT
from services.fleet.plugin_loading.versions import Catalogue

SUFFIXES: Final = (".yaml", ".yml")
REPEATED: Final = {
    "id": N_("{others} has the same id; give one of them another"),
    "token": N_("{others} has a token of the same bot; a bot has one file"),
}
Read = ReadFile | FileRefused


@dataclass(frozen=True)
class Found:
    """What is in the folder: files that can be applied, what is wrong with the others, and the names of all."""

    read: Mapping[str, ReadFile] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    names: frozenset[str] = frozenset()
    is_there: bool = True  # whether the folder is


class BotFiles:
    """The folder of one process."""

    def __init__(self, settings: Settings) -> None:
        self.folder = folder_of(settings)
        self._known: dict[str, tuple[str, Read]] = {}
        self._catalogue: Catalogue | None = None

    def read(self) -> Found:
        """Everything in the folder as it is now. OSError when the folder cannot be read."""
        if self._catalogue is not catalogue():  # other plugins, other answers
            self._catalogue, self._known = catalogue(), {}
        names = self.folder.names()
        self._known = {name: self._one(name) for name in names}  # what is gone is forgotten
        results = {name: result for name, (_, result) in self._known.items()}
        read = {name: result for name, result in results.items() if isinstance(result, ReadFile)}
        wrong = [
            problem for one in results.values() if isinstance(one, FileRefused) for problem in one.problems
        ]
        twice = _twice(read.values())
        refused = {problem.file for problem in twice}
        return Found(
            {name: one for name, one in read.items() if name not in refused},
            tuple(sorted((*wrong, *twice), key=lambda one: (one.file, one.place))),
            frozenset(names),
            self.folder.path.is_dir(),
        )

    @property
    def names(self) -> list[str]:
        """The files that were read last."""
        return list(self._known)

    @property
    def has_other_plugins(self) -> bool:
        """Whether the plugins of this process changed since the files were last read, so that they may say something else."""
        return self._catalogue is not None and self._catalogue is not catalogue()

    def _one(self, name: str) -> tuple[str, Read]:
        try:
            data = self.folder.read(name)
        except OSError as error:
            reason = Text("The file cannot be read: {error}", error=error.strerror or type(error).__name__)
            return "", FileRefused([Problem(name, START, "file_unreadable", reason)])
        hash_ = hashlib.sha256(data or b"").hexdigest()
        known = self._known.get(name)
        if known is not None and known[0] == hash_:
            return known
        time.sleep(0)  # whoever else works in this process has a turn between two files
        try:
            return hash_, read_bot_file(name, data or b"")
        except FileRefused as refused:
            return hash_, refused


def folder_of(settings: Settings) -> WatchedFolder:
    """Where the files of bots are."""
    return WatchedFolder(ROOT / settings.config_dir, suffixes=SUFFIXES)


def _twice(read: Iterable[ReadFile]) -> list[Problem]:
    """Files that say the same id, or have one bot's token: nobody knows which is meant, so none is applied."""
    files = sorted(read, key=lambda one: one.file)
    ids = _groups(files, lambda one: one.document.id)
    tokens = _groups(files, lambda one: one.telegram_bot_id)
    return [
        *(_problem(one, others, "id") for one, others in ids),
        *(_problem(one, others, "token") for one, others in tokens),
    ]


def _groups(
    files: list[ReadFile], key: Callable[[ReadFile], object]
) -> list[tuple[ReadFile, list[ReadFile]]]:
    """Each file that shares its key with others, and those others."""
    groups = defaultdict[object, list[ReadFile]](list)
    for one in files:
        groups[key(one)].append(one)
    return [
        (one, [each for each in group if each is not one])
        for group in groups.values()
        if len(group) > 1
        for one in group
    ]


def _problem(one: ReadFile, others: list[ReadFile], key: str) -> Problem:
    named = Text(REPEATED[key], others=", ".join(other.file for other in others))
    return Problem(one.file, one.place_of(key), f"{key}_repeated", named)
