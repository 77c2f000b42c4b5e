"""What Kubernetes is told of a bot's program: pure functions of the program and the settings (W5)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Final

from services.core.settings import Settings
from services.fleet.workers.programs import Program
from services.operations.programs.kubernetes.client import Kind, Object
from services.operations.programs.kubernetes.kinds import (
    APPLIED,
    DEPLOYMENT,
    NETWORK_POLICY,
    SCALED_OBJECT,
    SECRET,
    SERVICE_ACCOUNT,
    TRIGGER_AUTHENTICATION,
)
from services.operations.programs.kubernetes.network import network_policy
from services.operations.programs.kubernetes.scaling import (
    SECRET_KEYS,
    reads_kafka,
    scaled_object,
    trigger_authentication,
)

INSTALLATION: Final = "flotilla/installation"
BOT: Final = "flotilla/bot"
BOT_ID: Final = "flotilla/bot-id"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
CONTAINER: Final = "program"
STOP_SECONDS: Final = 30  # 25 for the program (W5), the rest for Kubernetes
NOBODY: Final = 65532  # any image runs as this user, whoever it was made for


@dataclass(frozen=True)
class Place:
    """Where programs of this installation live: `installation` tells them from another's in the same namespace."""

    installation: str
    namespace: str
    keda: Mapping[str, str] = field(repr=False)  # its "username" and "password" for Redis

    @property
    def selector(self) -> str:
        """The labels of all that is ours."""
        return f"{MANAGED_BY}=flotilla,{INSTALLATION}={self.installation}"


def name_of(public_id: str) -> str:
    """What a bot's objects are called: bot-<12 hex>, as Kubernetes knows no underscore."""
    return public_id.replace("_", "-")


def render(program: Program, settings: Settings, place: Place) -> dict[Kind, Object]:
    """Every object of a program, in the order in which they are applied; without owner, which the server's uid makes."""
    name = name_of(program.public_id)
    contents: dict[Kind, dict[str, Any]] = {
        SERVICE_ACCOUNT: {"automountServiceAccountToken": False},
        SECRET: {"type": "Opaque", "data": secret_data(program, place)},
        NETWORK_POLICY: {"spec": network_policy({BOT: name}, program, settings)},
        DEPLOYMENT: {"spec": _deployment(program, settings, place)},
        SCALED_OBJECT: {"spec": scaled_object(name, program, settings)},
    }
    if not reads_kafka(program):
        contents[TRIGGER_AUTHENTICATION] = {"spec": trigger_authentication(name)}
    return {kind: _object(kind, program, place, contents[kind]) for kind in APPLIED if kind in contents}


def secret_data(program: Program, place: Place) -> dict[str, str]:
    """The Secret's content: all that the program is told, and what KEDA alone reads."""
    keda = {} if reads_kafka(program) else {key: place.keda[name] for name, key in SECRET_KEYS.items()}
    told = {**program.environment, **keda}
    return {name: base64.b64encode(value.encode()).decode() for name, value in sorted(told.items())}


def digest(value: Any) -> str:
    """A short name of a value of JSON: the same for the same value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _object(kind: Kind, program: Program, place: Place, content: dict[str, Any]) -> Object:
    metadata = {
        "name": name_of(program.public_id),
        "namespace": place.namespace,
        "labels": _labels(program, place),
    }
    return {"apiVersion": kind.api, "kind": kind.name, "metadata": metadata, **content}


def _labels(program: Program, place: Place) -> dict[str, str]:
    known = {BOT: name_of(program.public_id), BOT_ID: str(program.bot_id)}
    return {MANAGED_BY: "flotilla", INSTALLATION: place.installation, **known}


def _deployment(program: Program, settings: Settings, place: Place) -> dict[str, Any]:
    """Without `replicas`, which belong to KEDA."""
    return {
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": {BOT: name_of(program.public_id)}},
        "template": {
            "metadata": {"labels": _labels(program, place), "annotations": _reasons_to_restart(program)},
            "spec": _pod(program, settings),
        },
    }


def _reasons_to_restart(program: Program) -> dict[str, str]:
    """What, when it changes, replaces the pods. The digest tells nothing of a short secret: the worker's token is in it."""
    at = program.restarted_at
    restarted = {"flotilla/restarted-at": at.astimezone(UTC).isoformat()} if at else {}
    return {"flotilla/environment": digest(dict(program.environment)), **restarted}


def _pod(program: Program, settings: Settings) -> dict[str, Any]:
    return {
        "serviceAccountName": name_of(program.public_id),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "imagePullSecrets": [{"name": name} for name in settings.kubernetes_pull_secrets],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "fsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(program, settings)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": f"{settings.worker_disk_mb}Mi"}}],
    }


def _container(program: Program, settings: Settings) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": program.image,
        "env": [
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 - the only place it may write to, its own
            {"name": "TMPDIR", "value": "/tmp"},  # noqa: S108 - as above
            *(_from_secret(program, name) for name in sorted(program.environment)),
        ],
        "resources": _resources(settings),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        # What it wrote last when it ends badly is in the pod's status: reading its log would be one right more.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - as above
    }


def _from_secret(program: Program, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "valueFrom": {"secretKeyRef": {"name": name_of(program.public_id), "key": name}},
    }


def _resources(settings: Settings) -> dict[str, dict[str, str]]:
    disk = f"{settings.worker_disk_mb}Mi"
    return {
        "requests": {
            "cpu": f"{settings.kubernetes_cpu_request}m",
            "memory": f"{settings.kubernetes_memory_request_mb}Mi",
            "ephemeral-storage": disk,
        },
        "limits": {
            "cpu": f"{settings.kubernetes_cpu_limit}m",
            "memory": f"{settings.worker_memory_mb}Mi",
            "ephemeral-storage": disk,
        },
    }
