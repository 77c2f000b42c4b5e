"""As what a file can be sent: its type and size, against what the Bot API takes."""

from __future__ import annotations

from typing import Final

from plugins.files import SAFE_TYPES

MEGABYTE: Final = 2**20
LARGEST_PHOTO: Final = 10 * MEGABYTE  # https://core.telegram.org/bots/api#sending-files
LARGEST: Final = 50 * MEGABYTE
# By the method that sends it, such as https://core.telegram.org/bots/api#sendaudio; what a type is usually sent as comes first.
TAKEN: Final[dict[str, tuple[str, ...]]] = {
    "photo": ("image/jpeg", "image/png", "image/webp"),
    "animation": ("image/gif", "video/mp4"),
    "video": ("video/mp4",),
    "audio": ("audio/mpeg", "audio/mp4"),
    "voice": ("audio/ogg", "audio/mpeg", "audio/mp4"),
    "video_note": ("video/mp4",),
    "document": SAFE_TYPES,
}
USUAL: Final = ("photo", "video", "animation", "audio", "voice", "document")


def fits(mime: str, kind: str) -> bool:
    """Whether Telegram takes a file of that type as a message of `kind`; an unknown kind takes none."""
    return mime in TAKEN.get(kind, ())


def largest(kind: str) -> int:
    """Bytes up to which a bot may upload it."""
    return LARGEST_PHOTO if kind == "photo" else LARGEST


def kinds_of(mime: str, size: int) -> list[str]:
    """As what a file can be sent."""
    return [kind for kind in TAKEN if fits(mime, kind) and size <= largest(kind)]


def usual_kind(mime: str, size: int) -> str:
    """As what a file is sent if nobody says another."""
    possible = kinds_of(mime, size)
    return next((kind for kind in USUAL if kind in possible), "document")
