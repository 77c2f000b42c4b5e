"""Small files of many kinds."""

from __future__ import annotations

import io
from zipfile import ZipFile

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def zipped(**members: bytes) -> bytes:
    """A ZIP of members; two underscores stand for a dot."""
    written = io.BytesIO()
    with ZipFile(written, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return written.getvalue()


def office(part: bytes, **members: bytes) -> bytes:
    """An Office document by its list of types."""
    written = io.BytesIO(zipped(**members))
    with ZipFile(written, "a") as archive:
        archive.writestr("[Content_Types].xml", b"<Types>" + part + b"</Types>")
    return written.getvalue()
