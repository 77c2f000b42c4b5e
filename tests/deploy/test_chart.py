"""The chart in the hands of Helm: what it refuses, what hooks it has, names of any length. Skipped where Helm is not installed."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
import yaml

from tests.deploy.rendered import PYTHON, VALUES, needs_helm, of_kind, pods
from tests.services.operations.programs.kubernetes.published import errors_of
from tools.helm.__main__ import KEPT, RULES_IN_CHART, ChartRefused, ask, header, objects, render, text_of

pytestmark = needs_helm
NEEDED = ("image.repository", "host", "secret.existing", "ingress.tlsSecret", "redis.host")


def with_value(path: str, value: object) -> dict[str, Any]:
    """The values of the plain manifests with one other."""
    found: dict[str, Any] = deepcopy(VALUES)
    *parents, last = path.split(".")
    place = found
    for each in parents:
        place = place.setdefault(each, {})
    place[last] = value
    return found


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(ChartRefused) as caught:
        render(PYTHON, [values])
    return str(caught.value)


def test_what_is_kept_is_what_helm_renders() -> None:
    made = render(PYTHON, [yaml.safe_load(each.read_text()) for each in KEPT.values()])
    for file, found in zip(KEPT, made, strict=True):
        assert file.read_text() == header(KEPT[file]) + text_of(found)


def test_the_linter_finds_nothing() -> None:
    (report,) = ask(PYTHON, [{"values": VALUES, "name": "flotilla", "namespace": "flotilla"}], "--lint")
    assert not report["errors"]
    assert [each for each in report["messages"] if each["severity"] >= 2] == []


def test_all_that_is_missing_is_named_at_once_with_what_to_do() -> None:
    told = refusal({})
    assert re.findall(r"^  - ([a-zA-Z.]+): .{20,}", told, re.MULTILINE) == list(NEEDED)


@pytest.mark.parametrize(
    ("path", "wrong", "said"),
    [
        ("settings", {"DATABASE_URL": "postgresql://user:password@host/db"}, "DATABASE_URL"),
        ("settings", {"QUOTA_BOTS": 5}, "/settings/QUOTA_BOTS"),
        ("host", "https://bots.example.com", "/host"),
        ("image.repository", "registry.example.com/flotilla:latest", "/image/repository"),
        ("web.autoscaling.cpuPercent", 700, "/web/autoscaling/cpuPercent"),
        ("web.terminationGracePeriodSeconds", 5, "/web/terminationGracePeriodSeconds"),
        ("worker.autoscaling.max", 9, "more than UPDATE_LANES (8) workers"),
        ("web.replica", 3, "'replica'"),
        ("monitoring.rules", "yes", "/monitoring/rules"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(path: str, wrong: object, said: str) -> None:
    told = refusal(with_value(path, wrong))
    assert said in told
    assert "user:password" not in told


def test_the_rules_of_alerts_are_the_charts_own_or_refused() -> None:
    values = with_value("monitoring", {"rules": True, "serviceMonitor": True})
    if not RULES_IN_CHART.exists():
        assert "carries no files/rules.yaml" in refusal(values)
        return
    (found,) = render(PYTHON, [values])
    ((_, rule),) = of_kind(found, "PrometheusRule").items()
    assert errors_of(rule) == []
    assert rule["spec"] == yaml.safe_load(RULES_IN_CHART.read_text())


def test_the_migration_is_a_hook_before_the_roll_out_that_needs_nothing_which_is_not_there_yet() -> None:
    (found,) = render(PYTHON, [with_value("managedByHelm", True)])
    ((_, job),) = of_kind(found, "Job").items()
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    pod = job["spec"]["template"]["spec"]
    assert "serviceAccountName" not in pod
    assert "envFrom" not in pod["containers"][0]
    other = render(
        PYTHON, [with_value("image", {"repository": "registry.example.com/flotilla", "tag": "0.2.0"})]
    )
    assert of_kind(other[0], "Job").keys() != of_kind(found, "Job").keys()


@pytest.mark.parametrize(
    "release", ["a" * 53, "1st.bots", "flotilla", "x-flotilla-" + "b" * 40, "bots-" + "c" * 34 + "-x"]
)
def test_names_fit_whatever_the_release_is_called(release: str) -> None:
    (found,) = render(PYTHON, [{**VALUES, "programs": {"driver": "kubernetes"}}], name=release)
    for each in found:
        assert errors_of(each) == []
        name = each["metadata"]["name"]
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name), name
    labels = [value for _, template in pods(found) for value in template["metadata"]["labels"].values()]
    assert all(len(each) <= 63 for each in labels)


def test_the_notes_count_the_connections_that_postgresql_must_allow() -> None:
    values = {
        **with_value("postgresql", {"poolSize": 4, "maxOverflow": 1}),
        "settings": {"WEB_CONCURRENCY": "2"},
    }
    (answer,) = ask(PYTHON, [{"values": values, "name": "flotilla", "namespace": "bots"}])
    notes = next(text for name, text in answer["files"].items() if name.endswith("NOTES.txt"))
    processes = 10 * 2 + 4 + 2 + 2 + 1 + 5
    assert f"allow {processes * 5} connections" in notes
    assert all(each["metadata"]["namespace"] == "bots" for each in objects(answer["files"]))
