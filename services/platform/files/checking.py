"""Whether a file may be kept, by its content."""

from __future__ import annotations

from collections.abc import Collection
from typing import BinaryIO

from plugins.files import FileRefused
from services.platform.files.archives import zip_type
from services.platform.files.content import EXECUTABLE, UNKNOWN, ZIP, ContentCheck


def checked_type(content: ContentCheck, file: BinaryIO, types: Collection[str]) -> str:
    """The MIME type of a file that was fed to `content`. FileRefused `executable`, or `type` for what is not among `types`."""
    mime = content.mime()
    if mime == ZIP:
        mime = zip_type(file)
    if mime == EXECUTABLE:
        raise FileRefused("executable")
    if mime == UNKNOWN or mime not in types:
        raise FileRefused("type")
    return mime
