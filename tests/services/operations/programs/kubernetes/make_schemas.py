"""Writes schemas.json: the published schemas that manifests are validated against, cut to the kinds that we use.

    pip download --no-deps -d FOLDER kubernetes-validate cloudcoil-models-keda cloudcoil-models-prometheus-operator cloudcoil
    python -m tests.services.operations.programs.kubernetes.make_schemas FOLDER

Kubernetes' own come from its OpenAPI documents by kubernetes-validate, those of KEDA and of the Prometheus operator from their custom
resource definitions by cloudcoil's models. Descriptions are left out, and what the latter do not name is refused as Kubernetes' strict ones do.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

FILE = Path(__file__).with_name("schemas.json")
KUBERNETES = (
    "api.apps.v1.Deployment",
    "api.autoscaling.v2.HorizontalPodAutoscaler",
    "api.batch.v1.Job",
    "api.core.v1.ConfigMap",
    "api.core.v1.Namespace",
    "api.core.v1.Secret",
    "api.core.v1.Service",
    "api.core.v1.ServiceAccount",
    "api.networking.v1.Ingress",
    "api.networking.v1.NetworkPolicy",
    "api.policy.v1.PodDisruptionBudget",
    "api.rbac.v1.Role",
    "api.rbac.v1.RoleBinding",
)
# Package of models: its module, the prefix here, the kinds.
CUSTOM = {
    "cloudcoil_models_keda": ("keda.v1alpha1", "keda", ("ScaledObject", "TriggerAuthentication")),
    "cloudcoil_models_prometheus_operator": (
        "prometheus_operator.v1",
        "monitoring",
        ("ServiceMonitor", "PrometheusRule"),
    ),
}
LEFT_OUT = ("description", "title", "default")


def main(folder: Path) -> None:
    """Read the wheels of a folder and write the file."""
    wheels = {each.name.split("-")[0]: each for each in folder.glob("*.whl")}
    found = {
        "$comment": [
            _origin(wheels["kubernetes_validate"], "Apache-2.0"),
            *(_origin(wheels[package], "Apache-2.0") for package in CUSTOM),
        ],
        "$defs": {**_kubernetes(wheels["kubernetes_validate"]), **_custom(wheels)},
    }
    FILE.write_text(json.dumps(found, separators=(",", ":"), sort_keys=True) + "\n")


def _origin(wheel: Path, licence: str) -> dict[str, str]:
    name, version = wheel.name.split("-")[:2]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return {"package": name, "version": version, "sha256": digest, "licence": licence}


def _kubernetes(wheel: Path) -> dict[str, Any]:
    with ZipFile(wheel) as file:
        names = [each for each in file.namelist() if each.endswith("-local-strict/_definitions.json")]
        newest = max(names, key=lambda name: [int(each) for each in re.findall(r"[0-9]+", name)])
        known = json.loads(file.read(newest))["$defs"]
    found: dict[str, Any] = {}
    for name in KUBERNETES:
        _add(f"io.k8s.{name}", known, found)
    return found


def _add(name: str, known: dict[str, Any], found: dict[str, Any]) -> None:
    if name not in found:
        found[name] = _cut(known[name])
        for each in _references(found[name]):
            _add(each, known, found)


def _custom(wheels: dict[str, Path]) -> dict[str, Any]:
    with TemporaryDirectory() as unpacked:
        for name in ("cloudcoil", *CUSTOM):
            ZipFile(wheels[name]).extractall(unpacked)
        sys.path.insert(0, unpacked)
        modules = {
            name: importlib.import_module(f"cloudcoil.models.{each[0]}") for name, each in CUSTOM.items()
        }
    found: dict[str, Any] = {}
    for name, (_, prefix, kinds) in CUSTOM.items():
        for kind in kinds:
            model = getattr(modules[name], kind)
            schema = model.model_json_schema(by_alias=True, ref_template=f"#/$defs/{prefix}.{{model}}")
            parts = {**schema.pop("$defs"), kind: schema}
            found |= {f"{prefix}.{each}": _strict(_cut(part)) for each, part in parts.items()}
    return found


def _cut(schema: Any) -> Any:
    """Without texts for people; references made to point into this file."""
    if isinstance(schema, list):
        return [_cut(each) for each in schema]
    if not isinstance(schema, dict):
        return schema.replace("/api/_definitions.json#", "#") if isinstance(schema, str) else schema
    return {
        key: {name: _cut(each) for name, each in value.items()} if key == "properties" else _cut(value)
        for key, value in schema.items()
        if key not in LEFT_OUT and not key.startswith("x-kubernetes")
    }


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    return {"additionalProperties": False, **schema} if "properties" in schema else schema


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.rpartition("/")[2]
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _references(each)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
