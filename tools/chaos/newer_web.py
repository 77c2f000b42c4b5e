"""The web process of the next release: `gunicorn chaos.newer_web:app`."""

from tools.chaos import newer

newer.speak()

from wsgi import app  # noqa: E402 - the scripts are changed first

__all__ = ["app"]
