"""The alert rules: each fires at what it is for and at nothing else, on metrics that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.alert_cases import CASES, HEALTHY, NEARLY
from tests.deploy.expressions import metrics, mistakes
from tests.deploy.programs import ROOT, said, tool

FOLDER = ROOT / "deploy" / "prometheus"
SEVERITIES = {"critical", "warning", "info"}
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((FOLDER / "rules.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_each_rule_is_whole() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert rule["labels"]["severity"] in SEVERITIES
        notes = rule["annotations"]
        assert notes["summary"]
        assert notes["description"].endswith(".")
        assert notes["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_rules_name_only_metrics_and_labels_that_exist() -> None:
    known = metrics()
    assert {rule["alert"]: list(mistakes(rule["expr"], known)) for rule in rules()} == {
        rule["alert"]: [] for rule in rules()
    }


@pytest.mark.parametrize(
    "wrong",
    [
        "max(queue_sizes) > 1",
        'sum(queue_size{que="a"})',
        "sum by (bot) (rate(redirects_total[5m]))",
        "redirects_total unless absent_metric offset 10m",
    ],
)
def test_a_wrong_name_is_found(wrong: str) -> None:
    assert list(mistakes(wrong, metrics()))


def test_every_alert_has_a_case() -> None:
    assert {name for case in CASES for name in case.fires} == {rule["alert"] for rule in rules()}


def test_the_healthy_figures_exist() -> None:
    known = metrics()
    assert [mistake for series in HEALTHY for mistake in mistakes(series, known)] == []


def test_prometheus_takes_rules_and_configuration() -> None:
    said(tool("promtool"), "check", "rules", str(FOLDER / "rules.yaml"))
    said(tool("promtool"), "check", "config", "--syntax-only", str(FOLDER / "prometheus.yaml"))


def test_each_alert_fires_at_its_case_and_at_nothing_less(tmp_path: Path) -> None:
    tests = [_test(case.changed | case.added, case.fires) for case in CASES]
    tests += [_test({}, ()), *(_test(changed, ()) for changed in NEARLY)]
    file = tmp_path / "rules_test.yaml"
    file.write_text(
        json.dumps(
            {
                "rule_files": [str(FOLDER / "rules.yaml")],
                "evaluation_interval": "1m",
                "tests": tests,
            }
        )
    )
    said(tool("promtool"), "test", "rules", str(file))


def test_alertmanager_takes_its_configuration(tmp_path: Path) -> None:
    amtool, text = tool("amtool"), (FOLDER / "alertmanager.yaml").read_text()
    version = re.search(r"version (\d+)\.(\d+)", said(amtool, "--version"))
    assert version is not None
    if (int(version[1]), int(version[2])) < (0, 26):  # before, a token could not stand in a file
        text = text.replace("bot_token_file: /etc/alertmanager/telegram_token", "bot_token: token")
    (tmp_path / "alertmanager.yaml").write_text(text)
    said(amtool, "check-config", str(tmp_path / "alertmanager.yaml"))
    routes = yaml.safe_load(text)["route"]
    for severity, receiver in {"critical": "telegram", "warning": "webhook", "info": "nobody"}.items():
        arguments = ("config", "routes", "test", f"--config.file={tmp_path / 'alertmanager.yaml'}")
        assert said(amtool, *arguments, f"severity={severity}").strip() == receiver, routes


def test_alertmanager_names_only_alerts_that_exist() -> None:
    document = yaml.safe_load((FOLDER / "alertmanager.yaml").read_text())
    named = {name for rule in document["inhibit_rules"] for name in _alerts(rule)}
    assert named <= {rule["alert"] for rule in rules()}


def _alerts(rule: Mapping[str, list[str]]) -> Iterator[str]:
    for matcher in rule["source_matchers"] + rule["target_matchers"]:
        yield from matcher.partition('"')[2].rstrip('"').split("|")


def _test(changed: dict[str, str], fires: tuple[str, ...]) -> dict[str, Any]:
    series = HEALTHY | changed
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in fires]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": FIRING, "eval_time": "20m", "exp_samples": expected}],
    }
