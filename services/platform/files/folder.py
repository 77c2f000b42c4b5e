"""Where files lie: `DATA_DIR/files/<account>/<random name>`, readable by this program alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from services.core.errors import Unavailable
from services.core.i18n import Text
from services.core.native_threads import beside_the_hub
from services.core.settings import Settings
from services.platform.files.names import STORED

PART: Final = ".part"  # the end of the name of a file that is not whole


class FileFolder:
    """The files of one installation, `within` DATA_DIR, by their account. Names are as those of `StoredFile.stored_name`."""

    def __init__(self, settings: Settings, within: str = "files") -> None:
        self._root = settings.data_dir / within

    def path(self, account_id: int, name: str) -> Path:
        """Where the file lies. ValueError for a name that is none of ours."""
        if not STORED.fullmatch(name):
            raise ValueError("a stored name is 32 hexadecimal digits")
        return self._root / str(int(account_id)) / name

    @contextmanager
    def writing(self, account_id: int, name: str) -> Iterator[tuple[BinaryIO, Path, Callable[[], None]]]:
        """An open file, the place where it lies for now, and what makes it whole and lasting; without that it is gone.

        Raises Unavailable where the disk takes nothing, in the block too.
        """
        final = self.path(account_id, name)
        part = final.with_name(name + PART)
        try:
            final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as file:
                yield file, part, lambda: _keep(file, part, final)
        except OSError as error:
            raise disk_failed(error) from error
        finally:
            part.unlink(missing_ok=True)

    def delete(self, account_id: int, name: str) -> None:
        """Delete the file; one that is not there is fine."""
        self.path(account_id, name).unlink(missing_ok=True)

    def accounts(self) -> list[int]:
        """The accounts that have a folder."""
        return [int(each.name) for each in _entries(self._root) if each.name.isdecimal()]

    def listed(self, account_id: int) -> list[Path]:
        """All that lies in an account's folder, whole or not."""
        return _entries(self._root / str(int(account_id)))


def disk_failed(error: OSError) -> Unavailable:
    """What is told of a disk that is full or gone: the update waits until it takes files again."""
    reason = error.strerror or type(error).__name__
    return Unavailable(
        Text("The disk of DATA_DIR takes no files: {reason}", reason=reason), code="disk_unavailable"
    )


def _keep(file: BinaryIO, part: Path, final: Path) -> None:
    """In a native thread: a disk may take long, and every other handler would wait with it."""
    file.flush()
    beside_the_hub(os.fsync, file.fileno())
    part.replace(final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        beside_the_hub(os.fsync, folder)
    finally:
        os.close(folder)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
