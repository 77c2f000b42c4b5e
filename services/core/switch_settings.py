"""Settings of the switches that the runbook has for attacks and overload."""

from __future__ import annotations

from pydantic import Field

from services.core.setting_types import Networks, SettingsPart


class SwitchSettings(SettingsPart):
    """A part of `Settings`."""

    telegram_networks: Networks = Field(
        "149.154.160.0/20,91.108.4.0/22",  # type: ignore[arg-type]  # defaults of settings are read like their text
        description="networks, comma-separated, that webhooks are called from; nobody else's calls are taken while the switch "
        "`telegram_network` is on. As Telegram publishes them; with a Bot API server of your own, its address",
    )
