"""The published schemas of Kubernetes, KEDA and the Prometheus operator, and what they say against a manifest."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

SCHEMAS = json.loads(Path(__file__).with_name("schemas.json").read_text())
GROUPS = {
    "keda.sh/v1alpha1": "keda.",
    "monitoring.coreos.com/v1": "monitoring.",
    "rbac.authorization.k8s.io/v1": "io.k8s.api.rbac.v1.",
}


def errors_of(found: dict[str, Any]) -> list[str]:
    """Everything that is wrong with an object; KeyError for a kind without a schema."""
    prefix = GROUPS.get(found["apiVersion"])
    if prefix is None:
        group, _, version = found["apiVersion"].rpartition("/")
        prefix = f"io.k8s.api.{group.partition('.')[0] or 'core'}.{version}."
    errors = _validator(f"{prefix}{found['kind']}").iter_errors(found)
    return [f"{each.json_path}: {each.message}" for each in errors]


@cache
def _validator(name: str) -> Draft202012Validator:
    SCHEMAS["$defs"][name]
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMAS["$defs"]})
