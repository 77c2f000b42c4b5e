"""Settings of the keys that seal and sign."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, PrivateAttr

from services.core.setting_types import SettingsPart


class KeySettings(SettingsPart):
    """A part of `Settings`."""

    _keys_are_kept: bool = PrivateAttr(False)

    key_reminder_days: int = Field(
        90,
        ge=0,
        description="age in days from which administrators are told, once a month, that the newest of ENCRYPTION_KEYS should be replaced; 0 = never",
    )

    @property
    def keys_are_kept(self) -> bool:
        """Whether ENCRYPTION_KEYS come from the key file in DATA_DIR rather than from the environment."""
        return self._keys_are_kept

    def with_kept_keys(self, values: dict[str, Any]) -> Self:
        """These settings with `encryption_keys` and what else is in `values` as the key file has them."""
        kept = self.model_copy(update=values)
        kept._keys_are_kept = "encryption_keys" in values
        return kept
