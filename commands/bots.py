"""`flask bots`: bots as YAML files, what they would change, doing it, and the schema an editor completes them by."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from services.core.errors import Unavailable
from services.core.i18n import Text
from services.fleet.declared.applying import apply_files
from services.fleet.declared.files import BotFiles
from services.fleet.declared.planning import Action, Plan, PlannedBot, make_plan
from services.fleet.declared.problems import Problem
from services.fleet.declared.schema import bot_schema
from web.platform import platform

group = AppGroup("bots", help="Bots as YAML files in CONFIG_DIR: docs/yaml-bots.md.")
SIGNS = {Action.ADD: "+", Action.CHANGE: "~", Action.FREE: "-", Action.KEEP: " "}
WORDS = {
    Action.ADD: "is added",
    Action.CHANGE: "is changed",
    Action.FREE: "is stopped and can be edited in the panel again, since its file is gone; its data stays",
    Action.KEEP: "stays",
}
NOTHING, WRONG, DIFFERENT = 0, 1, 2
Parameters = ParamSpec("Parameters")


def _with_folder(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Say of a folder that cannot be read what any error of ours says."""

    @wraps(command)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except OSError as error:
            reason = Text("CONFIG_DIR cannot be read: {error}", error=error.strerror or type(error).__name__)
            raise Unavailable(reason, code="folder_unreadable") from None

    return wrapper


@group.command("plan")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@handle_errors
@_with_folder
def plan(as_json: bool) -> None:
    """Show what the files would change. Exit code 0: nothing, 2: something, 1: a file is wrong."""
    made = make_plan(platform(), BotFiles(platform().settings).read())
    _tell(made, made.bots, made.problems, as_json=as_json)
    sys.exit(WRONG if made.problems else DIFFERENT if made.would_change else NOTHING)


@group.command("apply")
@click.option(
    "--if-plan", default="", metavar="ID", help="Only if this is still the plan; else nothing is done."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@handle_errors
@_with_folder
def apply(if_plan: str, as_json: bool) -> None:
    """Bring the bots to their files. Exit code 1 when a file was not applied; the others are."""
    applied = apply_files(platform(), BotFiles(platform().settings), if_plan=if_plan)
    _tell(applied.plan, applied.done, applied.problems, as_json=as_json)
    sys.exit(WRONG if applied.problems else NOTHING)


@group.command("schema")
def schema() -> None:
    """Print the JSON Schema of a bot's file, made of the plugins that are installed."""
    click.echo(json.dumps(bot_schema(), indent=2, ensure_ascii=False))


def _tell(made: Plan, bots: Iterable[PlannedBot], problems: Iterable[Problem], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_described(made, bots, problems), ensure_ascii=False))
        return
    for one in bots:
        if one.action is not Action.KEEP:
            _tell_bot(one)
    for problem in problems:
        click.echo(f"! {problem}", err=True)
    click.echo(f"plan {made.id}")


def _tell_bot(one: PlannedBot) -> None:
    click.echo(f"{SIGNS[one.action]} {one.id} ({one.file}) {WORDS[one.action]}")
    for change in one.changes:
        click.echo(f"    {change.path}: {_value(change.old)} -> {_value(change.new)}")


def _value(value: Any) -> str:
    return "(nothing)" if value is None else json.dumps(value, ensure_ascii=False)


def _described(made: Plan, bots: Iterable[PlannedBot], problems: Iterable[Problem]) -> dict[str, Any]:
    return {
        "plan": made.id,
        "bots": [
            {
                "file": one.file,
                "id": one.id,
                "action": one.action,
                "changes": [{"path": each.path, "old": each.old, "new": each.new} for each in one.changes],
            }
            for one in bots
        ],
        "problems": [
            {
                "file": each.file,
                "line": each.place.line,
                "column": each.place.column,
                "code": each.code,
                "reason": str(each.reason),
            }
            for each in problems
        ],
    }
