"""docs/metrics.md tells of every metric with its labels, and of nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from services.core import metrics

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)


def declared() -> dict[str, tuple[list[str], str]]:
    """Name -> labels and help of every metric."""
    found = {scraped.name: (list(scraped.labels), scraped.help) for scraped in metrics.SCRAPED}
    for instrument in vars(metrics).values():
        if isinstance(instrument, MetricWrapperBase):
            family = next(iter(instrument.describe()))
            suffix = "_total" if family.type == "counter" else ""
            found[family.name + suffix] = (list(instrument._labelnames), family.documentation)
    return found


def test_every_metric_is_documented_with_its_labels_and_meaning_and_no_other_is() -> None:
    rows = ROW.findall((ROOT / "docs" / "metrics.md").read_text())
    documented = {name: (re.findall(r"`(\w+)`", labels), meaning) for name, labels, meaning in rows}
    assert documented == declared()


def test_metrics_are_declared_in_one_file_only() -> None:
    folders = ("services", "blueprints", "jobs", "plugins", "launch", "commands")
    makers = re.compile(r"\b(?:Counter|Histogram|Gauge|Summary)\(\s*[\"']")
    elsewhere = [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if path != ROOT / "services" / "core" / "metrics.py" and makers.search(path.read_text())
    ]
    assert elsewhere == []
