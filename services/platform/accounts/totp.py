"""Codes of authenticator apps by RFC 6238 with what all apps take for granted: SHA-1, six digits, 30 seconds. No I/O."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS = 30
DIGITS = 6
DRIFT = 1  # steps that a phone's clock may be off (RFC 6238, 5.2)
SECRET_BYTES = 20  # as long as the hash, RFC 4226, 4
ISSUER = "Flotilla"
HASH = SHA1()  # noqa: S303 - the one that all apps know; its collisions do not matter to an HMAC


def new_secret() -> str:
    """A fresh secret in base32, as apps want it typed."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The step, counted in 30 s since 1970, that `code` belongs to; None when it is none of the present ones."""
    hotp, present = HOTP(_key(secret), DIGITS, HASH), int(now.timestamp()) // STEP_SECONDS
    steps = range(max(0, present - DRIFT), present + DRIFT + 1)
    # All are compared, so that the time taken tells nothing.
    matches = [step for step in steps if hmac.compare_digest(hotp.generate(step), code.encode())]
    return matches[-1] if matches else None


def code_at(secret: str, now: datetime) -> str:
    """The code that an app shows at `now`."""
    return TOTP(_key(secret), DIGITS, HASH, STEP_SECONDS).generate(int(now.timestamp())).decode()


def app_link(secret: str, email: str) -> str:
    """The `otpauth://` link of the QR code; it holds the secret."""
    return TOTP(_key(secret), DIGITS, HASH, STEP_SECONDS).get_provisioning_uri(email, ISSUER)


def _key(secret: str) -> bytes:
    return base64.b32decode(secret)
