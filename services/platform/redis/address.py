"""Which Redis an installation has, known without the client's library: a web process listens before it imports that."""

from __future__ import annotations

from services.core.errors import ConfigurationError
from services.core.i18n import Text
from services.core.settings import Settings


def redis_address(settings: Settings) -> str:
    """The URL of Redis, or of the embedded server while one runs. Raises ConfigurationError when neither is known."""
    if not settings.redis_url:
        raise ConfigurationError(
            Text(
                "REDIS_URL: not set, and no embedded server is running with DATA_DIR={folder}; "
                "start the installation with `make run`, or set REDIS_URL",
                folder=str(settings.data_dir),
            )
        )
    return settings.redis_url


def check_redis_known(settings: Settings) -> None:
    """Raise ConfigurationError when no Redis is known to this process."""
    redis_address(settings)
