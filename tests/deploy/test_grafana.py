"""The dashboard: what its source says, of metrics that exist, in expressions that Prometheus can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.deploy.expressions import metrics, mistakes
from tests.deploy.programs import said, tool
from tools.dashboard import COLUMNS, FILE, SOURCE, written

UNITS = {"short", "s", "reqps", "bytes", "percentunit"}


def panels() -> list[dict[str, Any]]:
    document = json.loads(FILE.read_text())
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def test_the_file_is_what_its_source_says() -> None:
    assert FILE.read_text() == written(), "run: python -m tools.dashboard"


def test_panels_are_whole_and_lie_beside_each_other() -> None:
    document = json.loads(FILE.read_text())
    (variable,) = document["templating"]["list"]
    assert f"${{{variable['name']}}}" == SOURCE["uid"]
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        place = panel["gridPos"]
        fields = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not fields & taken, panel["title"]
        assert max(x for x, _ in fields) < COLUMNS
        taken |= fields
    for panel in panels():
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["targets"], panel["title"]
        assert all(target["datasource"] == SOURCE for target in panel["targets"])
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])


def test_expressions_name_only_metrics_and_labels_that_exist() -> None:
    known = metrics()
    found = {
        (panel["title"], target["expr"]): list(mistakes(target["expr"], known))
        for panel in panels()
        for target in panel["targets"]
    }
    assert {where: wrong for where, wrong in found.items() if wrong} == {}


def test_prometheus_can_read_the_expressions(tmp_path: Path) -> None:
    expressions = [
        target["expr"].replace("$__rate_interval", "5m") for panel in panels() for target in panel["targets"]
    ]
    rules = [
        {"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in said(tool("promtool"), "check", "rules", str(file))
