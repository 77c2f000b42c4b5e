"""Page: the files of custom plugins, for admins."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.panel.problems import problems
from services.fleet.declared.report import list_bot_files
from services.fleet.plugin_files import list_plugin_files
from web.access import caller, signed_in
from web.platform import platform


@blueprint.get("/panel/plugins")
@signed_in
def plugin_files() -> str:
    """Which version of each file serves, and what is wrong with others; beneath, the files of bots."""
    settings = platform().settings
    return render_template(
        "panel/plugin_files.html",
        section="panel.bots",
        initial=_live(),
        folder=settings.plugins_dir,
        is_hot=settings.enable_hot_reload,
        bot_folder=settings.config_dir,
        bot_files=list_bot_files(platform(), caller())["files"],
    )


@blueprint.get("/panel/live/plugins")
@signed_in
def live_plugin_files() -> dict[str, Any]:
    """The same for the page's script."""
    return {**_live(), "problems": problems()}


def _live() -> dict[str, Any]:
    return {"files": list_plugin_files(platform(), caller())}


def plugin_file_texts() -> dict[str, str]:
    """What the page's script says."""
    return {
        "plugins.ok": _("Serves"),
        "plugins.mixed": _("Changing"),
        "plugins.waiting": _("Waits for a restart"),
        "plugins.problem": _("Former version serves"),
        "plugins.missing": _("Not loaded"),
        "plugins.served": _("Plugin {name}, version {version} ({hash}): {n} of {total} processes"),
        "plugins.waits": _(
            "Version {hash} waits for the next start: the plugin does not allow to be replaced while it runs"
        ),
        "plugins.where": _("{title} ({file}, line {line})"),
        "plugins.wrong": _("{title} ({file})"),
        "plugins.some": _("in {n} of {total} processes"),
        "plugins_reloading": _("All processes look at the files again."),
    }
