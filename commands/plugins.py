"""`flask plugins`: a first version of a plugin, and a look at one before a bot uses it."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from services.fleet import plugin_catalogue
from services.fleet.plugin_loading.loading import folder_of
from services.fleet.plugin_loading.translating import PluginFolder
from services.messaging.plugin_kit.checking import check_file
from services.messaging.plugin_kit.scaffold import write_plugin
from web.platform import platform

group = AppGroup("plugins", help="Plugins of your own: docs/plugins.md.")
FOLDER = click.Path(file_okay=False, path_type=Path)


@group.command("new")
@click.argument("name")
@click.option("--folder", type=FOLDER, help="Where to, instead of PLUGINS_DIR.")
@handle_errors
def new(name: str, folder: Path | None) -> None:
    """Write the plugin NAME: code, a translation, a test and a page, which work as they stand."""
    files = write_plugin(folder or _custom().path, name, plugin_catalogue.names())
    for file in files:
        click.echo(f"written: {file}")
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    click.echo(f"Try it: {python} -m pytest {files[1]}; then switch it on for a bot in the panel.")


@group.command("check")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@handle_errors
def check(files: tuple[Path, ...]) -> None:
    """Look at plugins, all custom ones unless FILES are named; exit code 1 when something is wrong. It runs their code."""
    chosen = files or tuple(_custom().path / name for name in _custom().names())
    wrong = [finding for file in chosen for finding in check_file(file)]
    for finding in wrong:
        click.echo(str(finding))
    click.echo(f"{len(chosen)} looked at, {len(wrong)} things wrong.")
    sys.exit(1 if wrong else 0)


def _custom() -> PluginFolder:
    return folder_of(platform().settings)
