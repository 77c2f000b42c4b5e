"""Sealing secrets at rest and deriving keys.

One list of master keys, newest first. Sealing uses the newest, opening tries all, so a rotation needs no
downtime. Keys for signatures are derived from the same list with HKDF and a purpose.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.core.errors import ConfigurationError


class Vault:
    """Seals and opens small secrets, and signs, under the installation's master keys."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        if not keys:
            raise ConfigurationError("ENCRYPTION_KEYS: at least one key is needed")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise ConfigurationError(
                "ENCRYPTION_KEYS: each key must be 32 bytes in URL-safe base64 "
                "(make one with: python -c 'from cryptography.fernet import Fernet; "
                "print(Fernet.generate_key().decode())')"
            ) from error
        self._masters = [base64.urlsafe_b64decode(key) for key in keys]
        self._derived: dict[tuple[int, str], bytes] = {}

    def seal(self, secret: str, *, owner: str) -> str:
        """Encrypt `secret`, binding it to `owner` (such as "bot:7") so a sealed text cannot be moved to another row."""
        return self._fernet.encrypt(f"{owner}\n{secret}".encode()).decode()

    def unseal(self, sealed: str, *, owner: str) -> str:
        """The secret sealed for `owner`; ConfigurationError when no key opens it or it belongs elsewhere."""
        try:
            bound, _, secret = self._fernet.decrypt(sealed.encode()).decode().partition("\n")
        except InvalidToken as error:
            raise ConfigurationError("ENCRYPTION_KEYS: none of the keys opens a stored secret") from error
        if bound != owner:
            raise ConfigurationError(
                "A sealed secret was found under another owner; restore it from a backup"
            )
        return secret

    def signature(self, purpose: str, message: str, *, key_index: int = 0) -> bytes:
        """HMAC-SHA256 of `message` under a key derived for `purpose` from the master key at `key_index` (0 = newest)."""
        return hmac.digest(self._derive(key_index, purpose), message.encode(), hashlib.sha256)

    @property
    def key_count(self) -> int:
        """How many master keys are in force; signatures of older ones stay acceptable while they are listed."""
        return len(self._masters)

    def _derive(self, index: int, purpose: str) -> bytes:
        known = self._derived.get((index, purpose))
        if known is None:
            known = HKDF(SHA256(), 32, salt=None, info=f"flotilla/{purpose}".encode()).derive(
                self._masters[index]
            )
            self._derived[index, purpose] = known
        return known


def sha256_hex(text: str) -> str:
    """SHA-256 of `text`, for looking up high-entropy secrets (API keys, session ids) without storing them."""
    return hashlib.sha256(text.encode()).hexdigest()
