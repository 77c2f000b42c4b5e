"""REST API of custom plugins' files, for admins: which versions serve where, what is wrong, and looking again."""

from __future__ import annotations

from flask import Blueprint

from blueprints.api.body import listing
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.fleet.plugin_files import PluginFileView, list_plugin_files, reload_plugins
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("plugin_files", __name__, url_prefix="/plugin-files")


@blueprint.get("")
@api(Scope.READ)
@operation(errors=(403,))
def index() -> Listing[PluginFileView]:
    """The files of PLUGINS_DIR: the version that each process serves, what waits for a start, what is wrong and where."""
    return listing(list_plugin_files(platform(), caller()))


@blueprint.post("/reload")
@api(Scope.WRITE)
@operation(errors=(403,))
def reload() -> None:
    """Have every process look at all files again, versions that were refused for failing included."""
    reload_plugins(platform(), caller())
