"""The plugins of an installation from their files: built-in ones, and those of PLUGINS_DIR by way of a trial."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from plugins.base import BasePlugin
from services.core.settings import Settings
from services.fleet.plugin_loading.fitting import fit
from services.fleet.plugin_loading.folder import ABSENT_SECONDS
from services.fleet.plugin_loading.importing import import_version, retire
from services.fleet.plugin_loading.kept_sources import KeptSources
from services.fleet.plugin_loading.side_process import ROOT
from services.fleet.plugin_loading.translating import PluginFolder
from services.fleet.plugin_loading.trial import Trial
from services.fleet.plugin_loading.versions import Catalogue, LoadFailed, Problem, Version, hash_of
from services.queueing.timeouts import HandlerTimeout, time_limit

logger = logging.getLogger(__name__)
Refused = Collection[tuple[str, str]]  # files with versions that nobody serves any more


class Loader:
    """Loads versions of the files in PLUGINS_DIR. A source is code with its translations (`translating`)."""

    def __init__(
        self, settings: Settings, trial: Trial | None = None, absent_seconds: float = ABSENT_SECONDS
    ) -> None:
        self.folder = folder_of(settings, absent_seconds)
        self.kept = KeptSources(settings.data_dir)
        self.trial = trial or Trial()

    def load(self, file: str, source: bytes) -> Version:
        """One version, imported here; LoadFailed says why it is not. What has served here before is tried no more."""
        path, hash_ = self.folder.path / file, hash_of(source)
        if self.kept.read(file, hash_) is None:
            self.trial.run(path, source)
        try:
            with time_limit(self.trial.seconds):
                return import_version(path, source)
        except HandlerTimeout:
            reason = f"its import took longer than {self.trial.seconds:g} s"
            raise LoadFailed(Problem(file, hash_, "plugin_import_slow", reason)) from None

    def first(
        self, built_in: Mapping[str, type[BasePlugin]], refused: Refused = (), *, kept_first: bool = False
    ) -> Catalogue:
        """The catalogue of a process that has none, of the folder's versions or else of those that served last.

        `kept_first`: the other way round, for a process that will look at the folder next.
        """
        wanted: dict[str, Version] = {}
        problems: dict[str, Problem] = {}
        for file in self._files():
            present = self._present(file)
            kept = self.kept.newest(file, [hash_ for name, hash_ in refused if name == file])
            for source in (kept, present) if kept_first else (present, kept):
                if source is None or file in wanted or (file, hash_of(source)) in refused:
                    continue
                try:
                    wanted[file] = self.load(file, source)
                except LoadFailed as failed:
                    problems.setdefault(file, failed.problem)
                    logger.error("plugin left out: %s", failed.problem)
        custom, misfits = fit(built_in, wanted, {})
        tidy(wanted.values(), custom.values())
        return Catalogue(1, built_in, custom, {**problems, **misfits})

    def _files(self) -> list[str]:
        """Those in the folder; where that cannot be read, those that have served."""
        try:
            return self.folder.names()
        except OSError as error:
            logger.error("the folder of plugins cannot be read: %s", error)
            return self.kept.files()

    def _present(self, file: str) -> bytes | None:
        """The folder's source; None, too, where it cannot be read, which the next look says again."""
        try:
            return self.folder.read(file)
        except OSError as error:
            logger.error("plugin %s cannot be read: %s", file, error)
            return None


def folder_of(settings: Settings, absent_seconds: float = ABSENT_SECONDS) -> PluginFolder:
    """Where custom plugins are."""
    return PluginFolder(ROOT / settings.plugins_dir, absent_seconds)


def load_built_in(folder: Path, but: Collection[str]) -> dict[str, type[BasePlugin]]:
    """The plugins of our own in `folder`, `but` for modules that are none. One that cannot be imported is an error."""
    modules = [file.stem for file in sorted(folder.glob("*.py")) if file.stem not in but]
    found = [importlib.import_module(f"plugins.{module}").plugin for module in modules]
    return {plugin.name: plugin for plugin in found}


def tidy(loaded: Iterable[Version], used: Iterable[Version]) -> None:
    """Forget the modules of versions that were loaded and are not used."""
    for version in {each.module for each in loaded} - {each.module for each in used}:
        retire(version)
