"""Files that people send to a bot: `ctx.files.download(attachment)` keeps one, `ctx.send_media("photo", kept)` sends it on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

LARGEST_DOWNLOAD: Final = 20 * 1024 * 1024  # bytes; the Bot API hands no larger file to a bot
STORED_FILE: Final = (
    "stored_file"  # in a call's parameters: the number of a file of ours, which the sender uploads
)
TEXT_FILE: Final = "text_file"  # the same for a small file on the spot: its text, beside its "name"
PROGRAM_FILE: Final = "program_file"  # the same for what a bot's own program uploaded for this one call
LIBRARY_FILE: Final = "media_id"  # the same for a file of the account's media library: its number
ATTACHMENTS: Final = ("animation", "photo", "video", "video_note", "audio", "voice", "sticker", "document")
SAFE_TYPES: Final = (
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "video/mp4",
    "video/quicktime",
    "video/webm",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/wav",
    "audio/flac",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "text/plain",
)


class FileRefused(Exception):
    """A file is not kept, and would not be if it were tried again. `code` is one of

    too_large, type (not among those allowed), executable (a program, a script, macros, or a file that is two things at once),
    quota, infected, unscanned (the virus scanner does not answer), too_slow, or gone (Telegram does not have it any more).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Attachment:
    """The file of a message, as the sender's program describes it: good for asking for it, not to be believed."""

    kind: str
    file_id: str
    name: str = ""
    size: int = 0  # bytes, 0 where nobody says


@dataclass(frozen=True)
class BotFile:
    """A file that is kept. `mime` is what its content is, `name` what to show: no part of a path."""

    id: int
    kind: str
    mime: str
    size: int
    name: str
    sha256: str = ""


def attachment_of(message: Any) -> Attachment | None:
    """The file that a message carries, of a photo its largest size; None for other messages."""
    for kind in ATTACHMENTS:  # an animation is a document too
        found: Any = getattr(message, kind, None)
        found = found[-1] if isinstance(found, list | tuple) and found else found
        if getattr(found, "file_id", None):
            name, size = getattr(found, "file_name", None), getattr(found, "file_size", None)
            return Attachment(kind, str(found.file_id), str(name or ""), size if isinstance(size, int) else 0)
    return None


class Files(ABC):
    """The bot's files."""

    @abstractmethod
    def download(
        self,
        attachment: Attachment,
        *,
        types: Collection[str] = SAFE_TYPES,
        largest: int = LARGEST_DOWNLOAD,
    ) -> BotFile:
        """Fetch a file from Telegram, at most `largest` bytes, and keep it if its content is of one of the MIME `types`.

        Asked again for the same file of the same update it gives the same one. Raises FileRefused; where Telegram, the disk or
        the database do not answer, what they raise: leave it alone, and the update is handled again.
        """


class NoFiles(Files):
    """Where nothing can be kept."""

    def download(
        self,
        attachment: Attachment,
        *,
        types: Collection[str] = SAFE_TYPES,
        largest: int = LARGEST_DOWNLOAD,
    ) -> BotFile:
        """See Files."""
        raise FileRefused("gone")
