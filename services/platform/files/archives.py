"""What lies in a ZIP: an Office document, an archive, or something that runs. Nothing is unpacked but a list of types."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, Final
from zipfile import BadZipFile, ZipFile

from services.platform.files.content import EXECUTABLE, TAIL, UNKNOWN, ZIP, ZIP_END
from services.platform.files.names import is_runnable

LARGEST_DIRECTORY: Final = 512 * 1024  # bytes of the list of members: what is read into memory
END: Final = struct.Struct("<4s4H2LH")
LARGEST_TYPES: Final = 256 * 1024  # bytes of [Content_Types].xml
OFFICE: Final = {
    b"wordprocessingml.document.main+xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"spreadsheetml.sheet.main+xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"presentationml.presentation.main+xml": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
TYPES: Final = "[Content_Types].xml"
RUNNING: Final = (
    "vbaproject.bin",
    "vbadata.xml",
    "androidmanifest.xml",
    "manifest.mf",
    "oleobject",
    "activex",
)


def zip_type(file: BinaryIO) -> str:
    """The MIME type of a ZIP file; EXECUTABLE where something in it runs, UNKNOWN where it cannot be read."""
    if not _has_small_directory(file):
        return UNKNOWN
    try:
        with ZipFile(file) as archive:
            names = [info.filename.lower() for info in archive.infolist()]
            if any(is_runnable(name) or any(part in name for part in RUNNING) for name in names):
                return EXECUTABLE
            return _office_type(archive) if TYPES.lower() in names else ZIP
    except (BadZipFile, ValueError, KeyError, NotImplementedError, RuntimeError, EOFError, OSError):
        return UNKNOWN


def _office_type(archive: ZipFile) -> str:
    with archive.open(TYPES) as listed:
        types = listed.read(LARGEST_TYPES)
    if b"macroEnabled" in types or b"vbaProject" in types:
        return EXECUTABLE
    return next((mime for part, mime in OFFICE.items() if part in types), UNKNOWN)


def _has_small_directory(file: BinaryIO) -> bool:
    """By its own word: the reader takes exactly so many bytes."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL))
    tail = file.read()
    at = tail.rfind(ZIP_END)
    if at < 0 or len(tail) - at < END.size:
        return False
    return bool(END.unpack_from(tail, at)[5] <= LARGEST_DIRECTORY)
