"""The plain manifests, written from the chart: `python -m tools.helm --python build/helm-venv/bin/python` (`make helm`).

Writes deploy/kubernetes/flotilla.yaml from deploy/kubernetes/values.yaml, and the one that the tests look at with everything switched on;
the alerts' rules are copied into the chart, as Helm reads no file outside of it, and its schema of values learns the names of settings
that hold secrets. With `--values FILE` it prints what these values
make, with Helm's hooks unless they say `managedByHelm: false`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from services.core.environment import setting_names
from services.core.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "deploy/helm/flotilla"
RULES: Final = ROOT / "deploy/prometheus/rules.yaml"  # and its copy in the chart
RULES_IN_CHART: Final = CHART / "files/rules.yaml"
RENDERER: Final = ROOT / "tools/helm/render.py"
# What is kept rendered, and the values it is rendered with.
KEPT: Final = {
    ROOT / "deploy/kubernetes/flotilla.yaml": ROOT / "deploy/kubernetes/values.yaml",
    ROOT / "tests/deploy/everything.yaml": ROOT / "tests/deploy/everything-values.yaml",
}
# In this order kubectl makes them: what others need comes first.
ORDER: Final = (
    "ServiceAccount",
    "ConfigMap",
    "Role",
    "RoleBinding",
    "NetworkPolicy",
    "Service",
    "Job",
    "Deployment",
)
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads faster
Object = dict[str, Any]


SCHEMA: Final = CHART / "values.schema.json"
PASSWORDS_IN_ADDRESSES: Final = {"database_url", "redis_url"}


class ChartRefused(Exception):
    """The chart says that something is missing or wrong, in Helm's words."""


def render(
    python: str, values: Sequence[Object], *, name: str = "flotilla", namespace: str = "flotilla"
) -> list[list[Object]]:
    """The objects that each of these values makes, without the notes. Raises ChartRefused."""
    cases = [{"values": each, "name": name, "namespace": namespace} for each in values]
    found = ask(python, cases)
    for each in found:
        if "error" in each:
            raise ChartRefused(each["error"])
    return [objects(each["files"]) for each in found]


def ask(python: str, cases: Sequence[Object], *options: str) -> list[Object]:
    """What the renderer answers for these cases; see tools/helm/render.py."""
    command = [python, str(RENDERER), *options, "-"]
    answer = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=True)
    return list(json.loads(answer.stdout))


def objects(files: dict[str, str]) -> list[Object]:
    """The objects of rendered templates, those first that others need."""
    found = [each for name, text in files.items() if name.endswith(".yaml") for each in read(text)]
    return sorted(found, key=lambda each: ORDER.index(each["kind"]) if each["kind"] in ORDER else len(ORDER))


def read(text: str) -> list[Object]:
    """The objects of a file of manifests."""
    return [each for each in yaml.load_all(text, Loader=LOADER) if each]


def text_of(found: Sequence[Object]) -> str:
    """Manifests as one file."""
    return yaml.safe_dump_all(found, sort_keys=False, width=150, explicit_start=True)


def secret_names() -> list[str]:
    """The variables that hold secrets, which no ConfigMap may."""
    fields = [
        name
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation) or name in PASSWORDS_IN_ADDRESSES
    ]
    return sorted(name.upper() for field in fields for name in setting_names(field))


def bring_to_chart() -> None:
    """What the chart holds of the rest of the repository: the rules of alerts, the names of secrets."""
    if RULES.exists():
        RULES_IN_CHART.parent.mkdir(exist_ok=True)
        shutil.copyfile(RULES, RULES_IN_CHART)
    names = json.dumps(secret_names(), indent=2).replace("\n", "\n" + " " * 10)
    SCHEMA.write_text(re.sub(r"""("not": \{\s*"enum": )\[[^]]*]""", rf"\g<1>{names}", SCHEMA.read_text()))


def digest(values: Path) -> str:
    """Of everything that a rendered file is made from, so that an outdated one is known without Helm."""
    sources = sorted(path for path in CHART.rglob("*") if path.is_file())
    found = hashlib.sha256()
    for path in (*sources, values, Path(__file__), RENDERER):
        found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def header(values: Path) -> str:
    """The first lines of a rendered file."""
    return (
        f"# Rendered by `make helm` from deploy/helm/flotilla with {values.relative_to(ROOT)}: change those.\n"
        f"# sha256 of both: {digest(values)}\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what is kept, or print what the given values make."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="the interpreter that has helm-python-sdk")
    parser.add_argument("--values", type=Path)
    parser.add_argument("--name", default="flotilla")
    parser.add_argument("--namespace", default="flotilla")
    options = parser.parse_args(arguments)
    bring_to_chart()
    try:
        if options.values:
            (found,) = render(
                options.python, [_read(options.values)], name=options.name, namespace=options.namespace
            )
            print(text_of(found), end="")
            return 0
        for file, made in zip(
            KEPT, render(options.python, [_read(each) for each in KEPT.values()]), strict=True
        ):
            file.write_text(header(KEPT[file]) + text_of(made))
    except ChartRefused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


def _read(file: Path) -> Object:
    return dict(yaml.safe_load(file.read_text()) or {})


if __name__ == "__main__":
    sys.exit(main())
