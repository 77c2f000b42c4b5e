"""Which version of each file a process wants to serve, from what is in the folder, what was refused and what served before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.fleet.plugin_loading.importing import retire
from services.fleet.plugin_loading.loading import Loader
from services.fleet.plugin_loading.refusals import Refusal
from services.fleet.plugin_loading.versions import Catalogue, LoadFailed, Problem, Version, hash_of

UNREADABLE = "plugin_unreadable"
REFUSED = "plugin_version_refused"


class Selection:
    """What one process knows of its files beside the catalogue. `formers` are the sources that served before the present ones."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self.refused: Mapping[tuple[str, str], Refusal] = {}
        self.formers: dict[str, bytes] = {}
        self.waiting: dict[str, str] = {}  # file -> the version that waits for the next start

    def select(
        self, present: Catalogue, files: Iterable[str], *, is_start: bool, from_folder: bool = True
    ) -> tuple[dict[str, Version], dict[str, Problem]]:
        """The versions to serve by file, and what is wrong with the files.

        Unless `from_folder`, what serves stands for what is in the folder, where it may have changed since.
        """
        wanted, problems = dict(present.custom), dict(present.problems)
        for file in files:
            if not from_folder and file not in present.custom:
                continue
            problems.pop(file, None)
            self.waiting.pop(file, None)
            try:
                source = self._loader.folder.read(file) if from_folder else present.custom[file].source
            except OSError as error:
                problems[file] = Problem(file, "", UNREADABLE, f"it cannot be read: {error.strerror}")
                continue
            if source is None:
                wanted.pop(file, None)
            else:
                self._select(file, source, wanted, problems, is_start=is_start)
        return wanted, problems

    def _select(
        self,
        file: str,
        source: bytes,
        wanted: dict[str, Version],
        problems: dict[str, Problem],
        *,
        is_start: bool,
    ) -> None:
        refusal = self.refused.get((file, hash_of(source)))
        if refusal is not None:
            source = self._instead_of(source, refusal, wanted.get(file))
            problems[file] = _told(refusal, hash_of(source))
        try:
            wanted[file] = self._version(file, source, wanted.get(file), is_start=is_start)
        except LoadFailed as failed:
            problems[file] = failed.problem

    def decided_on(self, present: Catalogue) -> set[str]:
        """Files of which a refused version serves, or one is held back that is refused no more."""
        serving = {file for file, version in present.custom.items() if (file, version.hash) in self.refused}
        held = {file for file, each in present.problems.items() if each.code == REFUSED}
        return serving | {file for file in held if (file, present.problems[file].hash) not in self.refused}

    def served(self, old: Version | None, new: Version | None) -> None:
        """Remember that `new` serves in place of `old`."""
        if new is None:
            if old is not None:
                self.formers.pop(old.file, None)
                self._loader.kept.forget(old.file)
            return
        before = old.source if old is not None else self._loader.kept.newest(new.file, but=[new.hash])
        if before is not None and (new.file, hash_of(before)) not in self.refused:
            self.formers[new.file] = before
        elif before is not None:
            self._loader.kept.drop(new.file, hash_of(before))
        self._loader.kept.keep(new.file, new.source)

    def report(self, file: str, present: Catalogue) -> dict[str, Any]:
        """What the panel is told of a file."""
        version, problem = present.custom.get(file), present.problems.get(file)
        return {
            "name": version.plugin.name if version else "",
            "version": version.plugin.version if version else "",
            "hash": version.hash if version else "",
            "waiting": self.waiting.get(file, ""),
            "problem": problem.as_json() if problem else None,
        }

    def _version(self, file: str, source: bytes, serving: Version | None, *, is_start: bool) -> Version:
        """The version to serve of `source`: itself, or the one that serves where that may not be replaced now."""
        if serving is not None and serving.hash == hash_of(source):
            return serving
        if serving is not None and not is_start and not serving.plugin.supports_hot_reload:
            self.waiting[file] = hash_of(source)
            return serving
        version = self._loader.load(file, source)
        if serving is not None and not is_start and not version.plugin.supports_hot_reload:
            retire(version.module)
            self.waiting[file] = version.hash
            return serving
        return version

    def _instead_of(self, source: bytes, refusal: Refusal, serving: Version | None) -> bytes:
        """What to serve for a refused source: itself where nothing else is known, since failed updates can be replayed."""
        if serving is not None and (serving.file, serving.hash) not in self.refused:
            return serving.source
        others = [hash_ for file, hash_ in self.refused if file == refusal.file]
        kept = self._loader.kept
        return (
            kept.read(refusal.file, refusal.former)
            or self.formers.get(refusal.file)
            or kept.newest(refusal.file, but=others)
            or source
        )


def _told(refusal: Refusal, serving: str) -> Problem:
    instead = f"version {serving} serves" if serving != refusal.hash else "no former version is known here"
    why = refusal.reason or f"{refusal.failed} of {refusal.handled} updates failed with it"
    return Problem(refusal.file, refusal.hash, REFUSED, f"{why}; {instead}", refusal.line)
