"""The web process's entry, and the application the `flask` command talks to."""

import sys

from app import create_app
from services.errors import ConfigurationError
from services.logs import configure_logging
from services.platform import build_platform

try:
    platform = build_platform()
    configure_logging(platform.settings, "web")
    app = create_app(platform)
except ConfigurationError as error:
    # For people at a console: what is wrong and where, without a traceback.
    sys.stderr.write(f"{error.message}\n")
    raise SystemExit(2) from None
