"""What a file is, by its bytes alone: names and what a sender says of it make it refused, never accepted.

A file is looked at piece by piece while it arrives. It is refused when it is a program or a script, and when it is two things
at once: a picture with an archive behind it, a text that a browser would run.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from typing import Final

EXECUTABLE: Final = "executable"
UNKNOWN: Final = ""
ZIP: Final = "application/zip"
TEXT: Final = "text/plain"
PDF: Final = "application/pdf"
HEAD: Final = 1024  # bytes in which readers of PDF look for its beginning
TAIL: Final = 22 + 65_535  # bytes in which the end of a ZIP lies, with the longest comment
OVERLAP: Final = 64  # bytes of a piece that are looked at once more with the next
PROGRAMS: Final = (
    b"MZ",  # Windows, DOS
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",  # Mach-O, and the three below
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # Java class, Mach-O of several machines
    b"\xca\xfe\xba\xbf",
    b"\x00asm",
    b"dex\n",
    b"#!",
    b"\xef\xbb\xbf#!",
    b"L\x00\x00\x00\x01\x14\x02\x00",  # a Windows shortcut
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",  # compound file: old Office with its macros, MSI
    b"!<arch>\n",  # deb, static library
    b"\xed\xab\xee\xdb",  # rpm
)
SIGNATURES: Final = (  # offset, bytes, type
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"%PDF-", PDF),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"PK\x03\x04", ZIP),
    (0, b"\x1f\x8b", "application/gzip"),
)
RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
BRANDS: Final = {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4"}
PICTURE_BRANDS: Final = (b"avif", b"heic", b"heix", b"mif1", b"msf1", b"crx ")  # boxes as of MP4, no film
SCRIPT: Final = re.compile(rb"<script|<\?php|<\?=|<html|<!doctype|<svg|<iframe|<object|<embed", re.IGNORECASE)
HIDDEN_SCRIPT: Final = re.compile(
    rb"<script[\s>]|<\?php\s", re.IGNORECASE
)  # in bytes that mean something else
PDF_ACTION: Final = re.compile(rb"/(?:JavaScript|Launch|EmbeddedFile)\b")  # what runs or hides another file
BATCH: Final = re.compile(rb"\A\s*@?(?:echo\s+off|rem\b|setlocal\b)", re.IGNORECASE)
ZIP_END: Final = b"PK\x05\x06"
CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


class ContentCheck:
    """Takes a file's bytes in order (`feed`); at the end `mime` is its type, `size` and `sha256` are its own."""

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()
        self._head = b""
        self._tail = b""
        self._text: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        self._found: set[str] = set()

    def feed(self, piece: bytes) -> None:
        """Look at the next bytes."""
        seen = self._tail[-OVERLAP:] + piece
        self.size += len(piece)
        self._hash.update(piece)
        if len(self._head) < HEAD:
            self._head = (self._head + piece)[:HEAD]
        self._tail = (self._tail + piece)[-TAIL:]
        self._read_text(piece, final=False)
        for name, pattern in (("script", SCRIPT), ("hidden", HIDDEN_SCRIPT), ("action", PDF_ACTION)):
            if name not in self._found and pattern.search(seen):
                self._found.add(name)

    @property
    def sha256(self) -> str:
        """Of all that was fed, as 64 hexadecimal digits."""
        return self._hash.hexdigest()

    def mime(self) -> str:
        """The type, EXECUTABLE for what must not be kept, UNKNOWN for anything else; ZIP still needs a look inside."""
        if self._head.startswith(PROGRAMS):
            return EXECUTABLE
        known = _signed(self._head) or self._as_text()
        if known == TEXT:
            return EXECUTABLE if "script" in self._found or BATCH.match(self._head) else TEXT
        if known == UNKNOWN:
            return UNKNOWN
        return EXECUTABLE if self._is_two_things(known) else known

    def _is_two_things(self, known: str) -> bool:
        if known != ZIP and ZIP_END in self._tail:
            return True
        if known == PDF:
            return "action" in self._found
        return b"%PDF-" in self._head or (known != ZIP and "hidden" in self._found)

    def _as_text(self) -> str:
        self._read_text(b"", final=True)
        return TEXT if self._text is not None and self.size else UNKNOWN

    def _read_text(self, piece: bytes, *, final: bool) -> None:
        if self._text is None:
            return
        try:
            self._text.decode(piece, final)
        except UnicodeDecodeError:
            self._text = None
        if CONTROL.search(piece):
            self._text = None


def _signed(head: bytes) -> str:
    for offset, signature, mime in SIGNATURES:
        if head.startswith(signature, offset):
            return mime
    if head[:4] == b"RIFF":
        return RIFF.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return UNKNOWN if brand in PICTURE_BRANDS else BRANDS.get(brand, "video/mp4")
    # Two bytes alone: a frame of MPEG audio, layer III, with a bit rate and a sampling rate that there are.
    is_frame = len(head) > 3 and head[0] == 0xFF and head[1] in (0xFA, 0xFB, 0xF2, 0xF3)
    return "audio/mpeg" if is_frame and head[2] >> 4 not in (0, 15) and head[2] & 12 != 12 else UNKNOWN
