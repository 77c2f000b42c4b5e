"""REST API of the files in CONFIG_DIR, for admins: which bots follow them, and what is wrong where."""

from __future__ import annotations

from flask import Blueprint

from blueprints.api.operation import operation
from services.fleet.declared.report import BotFilesView, list_bot_files
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("bot_files", __name__, url_prefix="/bot-files")


@blueprint.get("")
@api(Scope.READ)
@operation(errors=(403,))
def index() -> BotFilesView:
    """The YAML files of bots as they were last applied: the bot of each, and every mistake with its line and column."""
    return list_bot_files(platform(), caller())
