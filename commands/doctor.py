"""`flask doctor`: what is wrong with this installation, why it matters, and what to do."""

from __future__ import annotations

import json
import sys

import click

from commands.failures import handle_errors
from services.core.i18n import translate
from services.operations.doctor.running import UNKNOWN, WELL, Result, described, diagnose, exit_code
from web.platform import platform

SIGNS = {"error": "✗", "warning": "!", UNKNOWN: "?", WELL: "✓"}
COLOURS = {"error": "red", "warning": "yellow", UNKNOWN: "yellow", WELL: "green"}


@click.command("doctor")
@click.argument("checks", nargs=-1)
@click.option("--fix", is_flag=True, help="Mend what is safe, and look again.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@handle_errors
def group(checks: tuple[str, ...], fix: bool, as_json: bool) -> None:
    """Look the installation over: all CHECKS, or those that are named (docs/doctor.md lists them).

    Exit code 0: nothing is wrong, 1: warnings, or checks that could not look, 2: errors.
    """
    results = diagnose(platform(), checks, fix=fix)
    if as_json:
        click.echo(
            json.dumps(
                described(results), indent=2, ensure_ascii=False, default=lambda text: translate(text, "en")
            )
        )
    else:
        _tell(results)
    sys.exit(exit_code(results))


def _tell(results: list[Result]) -> None:
    for result in results:
        if result.mended:
            click.secho(f"✓ {result.check.name}: mended", fg="green")
        elif result.state in ("error", "warning", UNKNOWN):
            click.secho(
                f"{SIGNS[result.state]} {result.check.name}: {_words(result.what)}", fg=COLOURS[result.state]
            )
        if not result.mended and result.state in ("error", "warning"):
            click.echo(f"    {_words(result.check.why)}\n    → {_words(result.check.advice)}")
            if result.check.remedy is not None:
                click.echo("    → mended by --fix")
    well, total = sum(result.state == WELL for result in results), len(results)
    click.echo(
        f"{well} of {total} checks are well; {sum(r.state == 'skipped' for r in results)} do not apply."
    )


def _words(text: object) -> str:
    return str(translate(text, "en"))  # type: ignore[arg-type]
