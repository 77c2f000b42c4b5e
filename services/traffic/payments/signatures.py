"""Signatures of payment providers: HMAC-SHA256 of the body, in the forms that they come in. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PARTS: Final = re.compile(r"t=([0-9]{1,12}),(?:.*,)?v1=([0-9a-fA-F]{64})(?:,.*)?")


@dataclass(frozen=True)
class SignedBy:
    """How a webhook is signed. With a `timestamp_header`, or a time in the signature itself, what is signed is
    "<time>.<body>", and the time may be `tolerance_seconds` away from ours; else the body alone.
    """

    secret: str
    signature_header: str
    timestamp_header: str = ""
    tolerance_seconds: int = 300


def is_signed(how: SignedBy, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether `body` carries the signature: hexadecimal, with or without "sha256=" before it, Base64, or "t=…,v1=…"."""
    sent = {name.lower(): value.strip() for name, value in headers.items()}
    given = sent.get(how.signature_header.lower(), "")
    stamp = sent.get(how.timestamp_header.lower(), "") if how.timestamp_header else ""
    parts = PARTS.fullmatch(given)
    if parts is not None:
        stamp, given = parts[1], parts[2]
    elif how.timestamp_header and not stamp:
        return False
    if stamp and not _is_recent(stamp, now, how.tolerance_seconds):
        return False
    signed = f"{stamp}.".encode() + body if stamp else body
    return _matches(given, hmac.new(how.secret.encode(), signed, hashlib.sha256).digest())


def _is_recent(stamp: str, now: float, tolerance: int) -> bool:
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 13):
        return False
    seconds = int(stamp) / (1000 if len(stamp) == 13 else 1)
    return abs(now - seconds) <= tolerance


def _matches(given: str, digest: bytes) -> bool:
    """Both forms are compared in full, whichever it is: nobody learns from the time which one came closer."""
    plain = given.removeprefix("sha256=").encode("ascii", "replace")
    in_hex = hmac.compare_digest(plain.lower(), digest.hex().encode())
    in_base64 = hmac.compare_digest(plain, base64.b64encode(digest))
    return in_hex or in_base64
