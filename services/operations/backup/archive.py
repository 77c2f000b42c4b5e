"""The file of a backup: a tar, compressed, encrypted in age's format; anybody with the key and these two tools can open it.

`header.json` comes first and says whether the rest may be used at all, `manifest.json` last: what holds one is whole. Age
authenticates each 64 KB and the end, so whatever was changed or cut off is found; the sums in the manifest are for what a
disk did between reading and writing. Both directions stream: neither holds more than some blocks in memory.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Final, cast

import pyrage  # type: ignore[import-untyped]

from services.core.errors import ConfigurationError, FlotillaError, InvalidInput, Unavailable
from services.core.i18n import Text

FORMAT: Final = 1
MAGIC: Final = b"age-encryption.org/v1\n"
HEADER: Final = "header.json"
MANIFEST: Final = "manifest.json"
TOPS: Final = frozenset({"database", "redis", "plugins", "config", "files", "spool"})
LEVEL: Final = 1  # of zlib: three times as fast as its default of 6 and a tenth larger on rows of clicks
BLOCK: Final = 2**18
LARGEST_NOTE: Final = 2**28  # of header and manifest: some two million files
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Part:
    """A file of the backup: its name in the archive, and where its content lies."""

    name: str
    path: Path

    @property
    def size(self) -> int:
        """Bytes. Raises OSError."""
        return self.path.stat().st_size


class _Summed:
    """A file that is read once, with the sum of what was read."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file, self._progress = file, progress
        self.sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sum.update(data)
        self._progress(len(data))
        return data


def write_archive(
    target: Path,
    identity: pyrage.x25519.Identity,
    header: dict[str, Any],
    parts: Iterable[Part],
    progress: Progress = lambda size: None,
) -> None:
    """Write header, parts and manifest to `target`, which is on the disk when this returns. Raises Unavailable."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def pack() -> None:
        try:
            with os.fdopen(writing, "wb", BLOCK) as pipe:
                _pack(pipe, header, parts, progress)
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            failed.append(error)

    packer = threading.Thread(target=pack, name="backup")
    try:
        with target.open("xb") as file, os.fdopen(reading, "rb", BLOCK) as pipe:
            packer.start()
            try:
                pyrage.encrypt_io(pipe, file, [identity.to_public()])
            finally:
                pipe.close()  # a packer that still writes ends
                packer.join()
            file.flush()
            os.fsync(file.fileno())
    except (OSError, pyrage.EncryptError) as error:
        raise Unavailable(
            Text("The backup could not be written: {reason}", reason=str(error)), code="backup_not_written"
        ) from error
    if failed:
        raise failed[0]


def _pack(pipe: BinaryIO, header: dict[str, Any], parts: Iterable[Part], progress: Progress) -> None:
    with (
        gzip.GzipFile(fileobj=pipe, mode="wb", compresslevel=LEVEL) as packed,
        tarfile.open(fileobj=packed, mode="w|", bufsize=BLOCK) as tar,
    ):
        _add_note(tar, HEADER, header)
        files = [_add(tar, part, progress) for part in parts]
        _add_note(tar, MANIFEST, {"format": FORMAT, "files": files})


def _add(tar: tarfile.TarFile, part: Part, progress: Progress) -> list[Any]:
    info = tarfile.TarInfo(part.name)
    with part.path.open("rb") as file:
        info.size = os.fstat(file.fileno()).st_size
        info.mode = 0o600
        summed = _Summed(file, progress)
        tar.addfile(info, cast(IO[bytes], summed))
    return [part.name, info.size, summed.sum.hexdigest()]


def _add_note(tar: tarfile.TarFile, name: str, content: dict[str, Any]) -> None:
    data = json.dumps(content, separators=(",", ":")).encode()
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o600
    tar.addfile(info, BytesIO(data))


def read_archive(
    source: BinaryIO,
    identity: pyrage.x25519.Identity,
    folder: Path,
    check: Callable[[dict[str, Any]], object],
    progress: Progress = lambda size: None,
) -> dict[str, Any]:
    """Unpack the archive into the empty `folder`, once `check` let its header pass; its header. Nothing else is touched.

    Raises InvalidInput ("backup_foreign", "backup_damaged"), ConfigurationError ("backup_wrong_key") and what `check` raises.
    """
    opened = _Opening(source, identity)
    try:
        with opened as plain:
            header = _unpack(plain, folder, check, progress)
            while plain.read(BLOCK):  # to the end, which is authenticated too
                pass
    except (tarfile.TarError, EOFError, zlib.error, ValueError, KeyError, TypeError, IndexError):
        raise opened.reason or damaged() from None
    if opened.reason:
        raise opened.reason
    return header


class _Opening:
    """The decrypted stream, from a thread; `reason` is why it ended early."""

    def __init__(self, source: BinaryIO, identity: pyrage.x25519.Identity) -> None:
        self._source, self._identity = source, identity
        self.reason: Exception | None = None

    def __enter__(self) -> BinaryIO:
        head = self._source.read(len(MAGIC))
        if head != MAGIC:
            raise InvalidInput(
                "This file is no backup of Flotilla, or its beginning is gone; take another",
                code="backup_foreign",
            )
        reading, writing = os.pipe()
        self._thread = threading.Thread(target=self._decrypt, args=(head, writing), name="restore")
        self._pipe = os.fdopen(reading, "rb", BLOCK)
        self._thread.start()
        return self._pipe

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._thread.join()

    def _decrypt(self, head: bytes, writing: int) -> None:
        source = _Rejoined(head, self._source)
        try:
            with os.fdopen(writing, "wb", BLOCK) as pipe:
                pyrage.decrypt_io(source, pipe, [self._identity])
        except BrokenPipeError:
            return  # the reader had a reason of its own
        except (pyrage.DecryptError, OSError) as error:
            if source.failed:
                self.reason = source.failed
            elif "Broken pipe" not in str(error):
                self.reason = _wrong_key() if "No matching keys" in str(error) else damaged()


class _Rejoined:
    """A file whose first bytes were read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest
        self.failed: Exception | None = None  # why the place it lies in gave no more

    def read(self, size: int) -> bytes:
        """As a file's."""
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        try:
            return self._rest.read(size)
        except FlotillaError as error:
            self.failed = error
            raise
        except OSError as error:
            self.failed = Unavailable(
                Text("The backup cannot be read: {reason}", reason=str(error.strerror)),
                code="backup_store_away",
            )
            raise


def _unpack(
    plain: BinaryIO, folder: Path, check: Callable[[dict[str, Any]], object], progress: Progress
) -> dict[str, Any]:
    found: dict[str, tuple[int, str]] = {}
    manifest: dict[str, Any] | None = None
    with tarfile.open(fileobj=plain, mode="r|gz", bufsize=BLOCK) as tar:
        members = iter(tar)
        header = _note(tar, next(members, None), HEADER)
        if header.get("format") != FORMAT:
            raise InvalidInput(
                "This backup is of a newer release's format; use that release", code="backup_newer_format"
            )
        check(header)
        for member in members:
            if member.name == MANIFEST:
                manifest = _note(tar, member, MANIFEST)
                break
            found[member.name] = _extract(tar, member, folder, progress)
    if manifest is None or {name: (size, summed) for name, size, summed in manifest["files"]} != found:
        raise damaged()
    return header


def _note(tar: tarfile.TarFile, member: tarfile.TarInfo | None, name: str) -> dict[str, Any]:
    file = tar.extractfile(member) if member and member.name == name and member.size < LARGEST_NOTE else None
    if file is None:
        raise damaged()
    content: dict[str, Any] = json.load(file)
    return content


def _extract(
    tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, progress: Progress
) -> tuple[int, str]:
    """Write one file below `folder`, and nowhere else: whoever has the public half of the key can make an archive."""
    name = PurePosixPath(member.name)
    file = tar.extractfile(member) if member.isreg() else None
    if file is None or name.is_absolute() or ".." in name.parts or name.parts[0] not in TOPS:
        raise damaged()
    target = folder / name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    summed = hashlib.sha256()
    size = 0
    with target.open("xb") as out:
        for block in _blocks(file):
            out.write(block)
            summed.update(block)
            size += len(block)
            progress(len(block))
    return size, summed.hexdigest()


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def damaged() -> InvalidInput:
    """What to say of a backup that is not as it was written."""
    return InvalidInput("This backup is damaged or cut off; take another", code="backup_damaged")


def _wrong_key() -> ConfigurationError:
    return ConfigurationError(
        "BACKUP_KEY: it does not open this backup; give the key that was in force when it was made",
        code="backup_wrong_key",
    )
