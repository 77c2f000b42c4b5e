"""What the chart in deploy/helm/flotilla becomes: `build/helm-venv/bin/python tools/helm/render.py CASES`, by Helm's own library.

CASES is a file (or `-` for stdin) of a JSON list of {"values", "name", "namespace"}; the answer on stdout is a list of {"files"}, template
to text, or {"error"} where the chart refuses. With `--lint` it prints what `helm lint --strict` says of each. This file needs
nothing of the application: it runs in the environment of tools/helm/requirements.txt.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import helm_python as helm  # type: ignore[import-not-found,unused-ignore]

CHART = Path(__file__).resolve().parents[2] / "deploy/helm/flotilla"


def rendered(case: dict[str, Any]) -> dict[str, Any]:
    """One case: all that `helm template` would print, by template, the notes too."""
    with helm.Chart.load(CHART) as chart:
        try:
            chart.validate_schema(case["values"])
            found = chart.render(
                case["values"], name=case["name"], namespace=case["namespace"], is_install=True
            )
        except helm.HelmError as error:
            return {"error": str(error)}
    return {"files": {name: text for name, text in found.items() if text.strip()}}


def linted(case: dict[str, Any]) -> dict[str, Any]:
    """What Helm's linter says of the chart with these values."""
    return dict(helm.lint(CHART, case["values"], strict=True, namespace=case["namespace"]))


def main(arguments: list[str]) -> None:
    """Read the cases, answer."""
    look = linted if "--lint" in arguments else rendered
    source = arguments[-1]
    cases = json.loads(sys.stdin.read() if source == "-" else Path(source).read_text())
    json.dump([look(case) for case in cases], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
