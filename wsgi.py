"""The web process's entry, and the application the `flask` command talks to."""
# ruff: noqa: E402  # importing makes what stays: searching it for garbage took a fifth of the start

import gc

gc.disable()

from app import create_app
from services.core.environment import settings_or_exit
from services.core.logs import configure_logging
from services.core.observability import watch_from_outside
from services.platform.platform import build_platform

platform = build_platform(settings_or_exit())
configure_logging(platform.settings, "web")
watch_from_outside(platform.settings, "web")
app = create_app(platform)
gc.freeze()
gc.enable()
