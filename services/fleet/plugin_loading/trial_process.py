"""The process in which versions of plugins are tried, a forked child each; see `trial`."""

from __future__ import annotations

import base64
import dataclasses
import sys
from pathlib import Path
from typing import Any

import plugins.context  # noqa: F401  # what nearly every plugin imports: here once, instead of in each child
from services.fleet.plugin_loading.forked import Silence, answer_orders, in_child
from services.fleet.plugin_loading.importing import import_version
from services.fleet.plugin_loading.versions import LoadFailed, Problem, hash_of


def try_version(file: Path, source: bytes, seconds: float) -> dict[str, Any]:
    """The fields of the problem, none without one."""
    answer = in_child(lambda: _import(file, source), seconds)
    if not isinstance(answer, Silence):
        return answer
    reason = (
        f"its import took longer than {seconds:g} s"
        if answer.is_late
        else f"its import ends the process, {answer.how}"
    )
    code = "plugin_import_slow" if answer.is_late else "plugin_ends_process"
    return dataclasses.asdict(Problem(file.name, hash_of(source), code, reason))


def _import(file: Path, source: bytes) -> dict[str, Any]:
    try:
        import_version(file, source)
    except LoadFailed as failed:
        return dataclasses.asdict(failed.problem)
    return {}


def _carry_out(order: dict[str, Any]) -> dict[str, Any]:
    return try_version(Path(order["file"]), base64.b64decode(order["source"]), float(sys.argv[1]))


if __name__ == "__main__":
    answer_orders(_carry_out)
