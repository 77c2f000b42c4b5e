"""The web application: settings, extensions, blueprints, errors. Creating it does no I/O."""

from __future__ import annotations

from flask import Blueprint, Flask

from blueprints import auth, panel, redirects, system, webhooks
from blueprints.api import bots, keys, pools
from blueprints.platform import EXTENSION
from commands import database
from services.platform import Platform, build_platform


def create_app(platform: Platform | None = None) -> Flask:
    """The Flask application on `platform`, or on one made from the environment."""
    platform = platform or build_platform()
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=platform.settings.secret_key.get_secret_value(),
        MAX_CONTENT_LENGTH=1_000_000,  # U1: an update is never larger
    )
    app.extensions[EXTENSION] = platform
    for module in (redirects, webhooks, auth, system, panel):
        app.register_blueprint(module.blueprint)
    _register_api(app)
    app.cli.add_command(database.group)
    return app


def _register_api(app: Flask) -> None:
    """The REST API under `/api/v1`; the paths of I2 work without the version too."""
    v1 = Blueprint("v1", __name__, url_prefix="/api/v1")
    for module in (bots, pools, keys):
        v1.register_blueprint(module.blueprint)
    app.register_blueprint(v1)
    unversioned = Blueprint("api", __name__, url_prefix="/api")
    unversioned.register_blueprint(pools.blueprint)
    app.register_blueprint(unversioned)
