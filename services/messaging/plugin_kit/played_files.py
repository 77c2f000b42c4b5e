"""Files that people send in a plugin's test: looked at as in the product, and kept in memory."""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import Any

from plugins.files import LARGEST_DOWNLOAD, SAFE_TYPES, Attachment, BotFile, FileRefused, Files
from services.platform.files.checking import checked_type
from services.platform.files.content import ContentCheck
from services.platform.files.names import is_runnable, shown_name


class PlayedFiles(Files):
    """`kept` are the files that a plugin asked for, the oldest first; `refusal` is the code that is to be raised instead."""

    def __init__(self) -> None:
        self.kept: list[BotFile] = []
        self.refusal = ""
        self._contents: dict[str, bytes] = {}

    def sent(self, kind: str, content: bytes, name: str) -> dict[str, Any]:
        """What a message with this file says of it, in Telegram's words."""
        file_id = f"file-{len(self._contents) + 1}"
        self._contents[file_id] = content
        facts: dict[str, Any] = {"file_id": file_id, "file_unique_id": file_id, "file_size": len(content)}
        facts |= {"width": 640, "height": 480, "duration": 3, "length": 240}
        facts |= {"type": "regular", "is_animated": False, "is_video": False} if kind == "sticker" else {}
        facts |= {"file_name": name} if name else {}
        return {kind: [facts] if kind == "photo" else facts}

    def download(
        self,
        attachment: Attachment,
        *,
        types: Collection[str] = SAFE_TYPES,
        largest: int = LARGEST_DOWNLOAD,
    ) -> BotFile:
        """See Files."""
        content = self._contents.get(attachment.file_id)
        if self.refusal or content is None:
            raise FileRefused(self.refusal or "gone")
        if len(content) > min(largest, LARGEST_DOWNLOAD):
            raise FileRefused("too_large")
        if is_runnable(attachment.name):
            raise FileRefused("executable")
        check = ContentCheck()
        check.feed(content)
        mime = checked_type(check, io.BytesIO(content), types)
        name = shown_name(attachment.name, attachment.kind)
        self.kept.append(BotFile(len(self.kept) + 1, attachment.kind, mime, check.size, name, check.sha256))
        return self.kept[-1]
