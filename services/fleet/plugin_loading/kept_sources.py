"""The sources that served last, as files under DATA_DIR: what a process serves that starts while the folder's version cannot."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from services.core.drafts import draft_of
from services.fleet.plugin_loading.versions import hash_of

logger = logging.getLogger(__name__)
KEPT = 3  # versions of a file: the present one, the one to return to, and one more


class KeptSources:
    """A folder per plugin's file, in it a file per version. A disk that cannot be written to costs a line in the log."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "plugins"

    def keep(self, file: str, source: bytes) -> None:
        """`source` serves now."""
        path = self._path(file, hash_of(source))
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                fresh = draft_of(path)
                fresh.write_bytes(source)
                fresh.replace(path)
            os.utime(path)
            for old in self._of(file)[KEPT:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("the version of %s that serves cannot be kept: %s", file, error)

    def files(self) -> list[str]:
        """The names of all files of which something is kept."""
        return sorted(f"{path.name}.py" for path in self._folder.glob("*") if path.is_dir())

    def newest(self, file: str, but: Collection[str] = ()) -> bytes | None:
        """The source that began to serve last, of versions other than those named."""
        sources = (self.read(file, path.stem) for path in self._of(file) if path.stem not in but)
        return next((source for source in sources if source is not None), None)

    def read(self, file: str, hash_: str) -> bytes | None:
        """The source of a version; None when it is not here whole."""
        try:
            source = self._path(file, hash_).read_bytes()
        except OSError:
            return None
        return source if hash_of(source) == hash_ else None

    def path(self, file: str) -> Path:
        """The folder of a file's versions."""
        return self._folder / Path(file).stem

    def drop(self, file: str, hash_: str) -> None:
        """Keep that version no longer."""
        self._path(file, hash_).unlink(missing_ok=True)

    def forget(self, file: str) -> None:
        """Keep nothing of a file that is gone."""
        shutil.rmtree(self.path(file), ignore_errors=True)

    def _path(self, file: str, hash_: str) -> Path:
        return self.path(file) / f"{hash_}.py"

    def _of(self, file: str) -> list[Path]:
        """What is there, newest first."""
        found: list[tuple[int, Path]] = []
        for path in self.path(file).glob("*.py"):
            try:
                found.append((path.stat().st_mtime_ns, path))
            except FileNotFoundError:  # another process has just tidied up
                continue
        return [path for _, path in sorted(found, reverse=True)]
