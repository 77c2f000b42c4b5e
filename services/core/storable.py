"""Texts that somebody else wrote, made fit for a column."""

from __future__ import annotations


def storable(text: str) -> str:
    """`text` without what PostgreSQL takes in no column: NUL, and halves of characters."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
