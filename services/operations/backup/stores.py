"""Where backups lie: a folder, or a bucket of an S3-compatible store. A backup is in one whole, or not at all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from services.core.errors import NotFound, Unavailable
from services.core.i18n import Text
from services.core.settings import Settings

NAME: Final = re.compile(r"flotilla-(\d{8}T\d{6}Z)-[0-9a-f]{8}\.age")
CHUNK: Final = 2**18
STAMP: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class StoredBackup:
    """A whole backup in a store; `size` in bytes."""

    name: str
    made_at: datetime
    size: int


class Store(Protocol):
    """What backups are kept in. Every method raises Unavailable."""

    def backups(self) -> list[StoredBackup]:
        """The whole ones, newest first."""

    def add(self, draft: Path, name: str) -> None:
        """Take the finished file `draft`, which lies in BACKUP_DIR and is gone afterwards."""

    def opened(self, name: str) -> Any:
        """A context with the backup to read from. Raises NotFound."""

    def delete(self, name: str) -> None:
        """Delete one; one that is not there is fine."""


def backup_folder(settings: Settings) -> Path:
    """Where backups lie, or are put together."""
    return settings.backup_dir or settings.data_dir / "backups"


def open_store(settings: Settings) -> Store:
    """The store of the settings. Asks nobody."""
    return S3Store(settings) if settings.backup_store else FolderStore(backup_folder(settings))


def parsed(name: str, size: int) -> StoredBackup | None:
    """What a name says; None for a file that is no backup of ours."""
    found = NAME.fullmatch(name)
    if not found:
        return None
    return StoredBackup(name, datetime.strptime(found[1], STAMP).replace(tzinfo=UTC), size)


@dataclass(frozen=True)
class FolderStore:
    """BACKUP_DIR."""

    folder: Path

    def backups(self) -> list[StoredBackup]:
        """See Store."""
        with _told():
            entries = [*os.scandir(self.folder)] if self.folder.is_dir() else []
            found = [parsed(each.name, each.stat().st_size) for each in entries if each.is_file()]
        return _newest_first(found)

    def add(self, draft: Path, name: str) -> None:
        """See Store. The name appears with the whole file, and stays after a power loss."""
        with _told():
            draft.replace(self.folder / name)
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """See Store."""
        path = self.folder / name
        if not NAME.fullmatch(name) or not path.is_file():
            raise no_such(name)
        with path.open("rb") as file:
            yield file

    def delete(self, name: str) -> None:
        """See Store."""
        with _told():
            (self.folder / name).unlink(missing_ok=True)


class S3Store:
    """BACKUP_STORE: a bucket, or a folder in one."""

    def __init__(self, settings: Settings) -> None:
        from obstore.store import S3Store as Bucket  # noqa: PLC0415 - 10 MB that few need

        bucket, _, prefix = settings.backup_store.removeprefix("s3://").partition("/")
        endpoint = settings.backup_store_endpoint
        options: dict[str, Any] = (
            {"endpoint": endpoint, "virtual_hosted_style_request": False} if endpoint else {}
        )
        self._store = Bucket(
            bucket,
            prefix=prefix or None,
            region=settings.backup_store_region,
            access_key_id=settings.backup_store_key_id.get_secret_value(),
            secret_access_key=settings.backup_store_secret.get_secret_value(),
            client_options={"allow_http": endpoint.startswith("http://")},
            **options,
        )

    def backups(self) -> list[StoredBackup]:
        """See Store."""
        import obstore  # noqa: PLC0415

        with _told():
            pages = [*obstore.list(self._store)]
        return _newest_first(
            [parsed(str(each["path"]), int(each["size"])) for page in pages for each in page]
        )

    def add(self, draft: Path, name: str) -> None:
        """See Store. Sent in parts; the store shows it when the last has come."""
        import obstore  # noqa: PLC0415

        with _told():
            obstore.put(self._store, name, draft)
            draft.unlink()

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """See Store."""
        import obstore  # noqa: PLC0415

        if not NAME.fullmatch(name):
            raise no_such(name)
        try:
            with _told():
                chunks = iter(obstore.get(self._store, name).stream(min_chunk_size=CHUNK))
        except FileNotFoundError:
            raise no_such(name) from None
        yield BufferedReader(_Stream(chunks), CHUNK)

    def delete(self, name: str) -> None:
        """See Store."""
        import obstore  # noqa: PLC0415

        with _told():
            obstore.delete(self._store, name)


class _Stream(RawIOBase):
    """What comes of one request as a file: not every store answers to requests for ranges."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, target: Any) -> int:
        """As a raw file does; raises Unavailable where the store breaks off."""
        if not self._rest:
            with _told():
                self._rest = bytes(next(self._chunks, b""))
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


@contextmanager
def local_file(path: Path) -> Iterator[BinaryIO]:
    """A backup that somebody brought as a file. Raises NotFound."""
    if not path.is_file():
        raise no_such(str(path))
    with path.open("rb") as file:
        yield file


def no_such(name: str) -> NotFound:
    """What to say of a name that no backup bears."""
    return NotFound(
        Text("There is no backup {name}; see `flask backup list`", name=name), code="backup_not_found"
    )


def free_bytes(folder: Path) -> int:
    """Free space on the disk of `folder`. Raises OSError."""
    return shutil.disk_usage(folder).free


def _newest_first(found: list[StoredBackup | None]) -> list[StoredBackup]:
    return sorted((one for one in found if one), key=lambda one: (one.made_at, one.name), reverse=True)


@contextmanager
def _told() -> Iterator[None]:
    """Errors of the disk or the store as ours; obstore's own are Exceptions without a common name but its module's."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        if isinstance(error, OSError) or type(error).__module__.startswith("obstore"):
            reason = f"{type(error).__name__}: {getattr(error, 'strerror', None) or ''}".rstrip(": ")
            raise Unavailable(
                Text("The place of backups does not answer: {reason}", reason=reason),
                code="backup_store_away",
            ) from error
        raise
