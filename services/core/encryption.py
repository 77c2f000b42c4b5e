"""Sealing secrets at rest and deriving keys.

One list of master keys, newest first. Sealing uses the newest, opening tries all, so a rotation needs no
downtime. Keys for signatures are derived from the same list with HKDF and a purpose.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.core.errors import ConfigurationError

logger = logging.getLogger(__name__)


class _Ring:
    """A list of master keys, newest first, ready for use."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        if not keys:
            raise ConfigurationError("ENCRYPTION_KEYS: at least one key is needed")
        try:
            self.each = [Fernet(key) for key in keys]
        except ValueError as error:
            raise ConfigurationError(
                "ENCRYPTION_KEYS: each key must be 32 bytes in URL-safe base64 "
                "(make one with: python -c 'from cryptography.fernet import Fernet; "
                "print(Fernet.generate_key().decode())')"
            ) from error
        self.all = MultiFernet(self.each)
        self.keys = keys
        self.masters = [base64.urlsafe_b64decode(key) for key in keys]
        self.signers: dict[tuple[int, str], HMAC] = {}

    def signer(self, index: int, purpose: str) -> HMAC:
        """A signer for one message. A copy of one that has its key costs a third of `hmac.digest`, which takes it in each time."""
        index = min(index, len(self.keys) - 1)  # a key may be retired while somebody goes over them by number
        known = self.signers.get((index, purpose))
        if known is None:
            known = self.signers[index, purpose] = HMAC(_derived(self.masters[index], purpose), SHA256())
        return known.copy()


class Vault:
    """Seals and opens small secrets, and signs, under the installation's master keys.

    `newer(at_once)` answers other keys when they were changed since, else None; with `at_once` it looks even if it has
    just done so. That is how a running process takes a rotation.
    """

    def __init__(
        self, keys: tuple[str, ...], newer: Callable[[bool], tuple[str, ...] | None] | None = None
    ) -> None:
        self._kept = _Ring(keys)
        self._newer = newer

    def seal(self, secret: str, *, owner: str) -> str:
        """Encrypt `secret`, binding it to `owner` (such as "bot:7") so a sealed text cannot be moved to another row."""
        return self._ring().all.encrypt(f"{owner}\n{secret}".encode()).decode()

    def unseal(self, sealed: str, *, owner: str) -> str:
        """The secret sealed for `owner`; ConfigurationError when no key opens it or it belongs elsewhere."""
        bound, _, secret = self._opened(sealed).partition("\n")
        if bound != owner:
            raise ConfigurationError(
                "A sealed secret was found under another owner; restore it from a backup"
            )
        return secret

    def sealed_by(self, sealed: str) -> int | None:
        """The index of the key that sealed this (0 = newest), None when none of those in force did."""
        for index, key in enumerate(self._ring().each):
            with suppress(InvalidToken):
                key.decrypt(sealed.encode())
                return index
        return None

    def resealed(self, sealed: str) -> str:
        """The same secret for the same owner under the newest key. ConfigurationError when no key opens it."""
        return self._ring().each[0].encrypt(self._opened(sealed).encode()).decode()

    def signature(self, purpose: str, message: str, *, key_index: int = 0) -> bytes:
        """HMAC-SHA256 of `message` under a key derived for `purpose` from the master key at `key_index` (0 = newest)."""
        signer = self._ring().signer(key_index, purpose)
        signer.update(message.encode())
        return signer.finalize()

    @property
    def key_count(self) -> int:
        """How many master keys are in force; signatures of older ones stay acceptable while they are listed."""
        return len(self._ring().masters)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """A name of each key in force, newest first, that tells nothing of it."""
        return tuple(fingerprint(key) for key in self._ring().keys)

    def look(self) -> None:
        """Take changed keys now rather than within a second."""
        self._ring(at_once=True)

    def _opened(self, sealed: str) -> str:
        with suppress(
            InvalidToken
        ):  # perhaps of a key that another process has just added: the second look knows it
            return self._ring().all.decrypt(sealed.encode()).decode()
        try:
            return self._ring(at_once=True).all.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ConfigurationError("ENCRYPTION_KEYS: none of the keys opens a stored secret") from error

    def _ring(self, *, at_once: bool = False) -> _Ring:
        keys = self._newer(at_once) if self._newer else None
        if keys is not None and keys != self._kept.keys:
            try:
                self._kept = _Ring(keys)
            except ConfigurationError as error:
                logger.error("changed keys are not taken: %s", error.message)
        return self._kept


def fingerprint(key: str) -> str:
    """A name for a master key: eight hex digits, derived, so that it helps nobody to the key."""
    return _derived(base64.urlsafe_b64decode(key), "fingerprint")[:4].hex()


def new_key() -> str:
    """A fresh master key."""
    return Fernet.generate_key().decode()


def _derived(master: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"flotilla/{purpose}".encode()).derive(master)


def sha256_hex(text: str) -> str:
    """SHA-256 of `text`, for looking up high-entropy secrets (API keys, session ids) without storing them."""
    return hashlib.sha256(text.encode()).hexdigest()
