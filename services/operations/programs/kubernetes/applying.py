"""Bringing the objects of one program to what they should be, and seeing when they are not any more."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.operations.programs.kubernetes.client import MANAGER, ApiError, ApiServer, Kind, Object
from services.operations.programs.kubernetes.kinds import DEPLOYMENT, WATCHED
from services.operations.programs.kubernetes.manifests import digest
from services.operations.programs.kubernetes.watching import Watch

logger = logging.getLogger(__name__)
# Who has a new Deployment's `replicas` until KEDA takes them: were they left to nobody, Kubernetes would start one copy.
FIRST_MANAGER: Final = "flotilla-start"
NOT_OURS: Final = "deployment.kubernetes.io/"  # annotations that Kubernetes changes itself
LEAVING: Final = ApiError(409, "BeingDeleted")


@dataclass
class Applied:
    """What was last applied of a program (a digest), when (monotonic seconds), and what the watched objects were then."""

    wanted: str = ""
    at: float = float("-inf")
    seen: dict[Kind, str] = field(default_factory=dict)


class Applier:
    """Applies programs' objects, and knows which it need not apply again. Raises ApiError."""

    def __init__(self, api: ApiServer, watches: Mapping[Kind, Watch], resync_seconds: float) -> None:
        self._api = api
        self._watches = watches
        self._resync = resync_seconds
        self._applied: dict[str, Applied] = {}

    def bring(self, name: str, wanted: Mapping[Kind, Object]) -> bool:
        """Apply the objects of the program `name` unless they are known to be so already; whether anything was asked for."""
        known, goal = self._applied.get(name, Applied()), digest(list(wanted.values()))
        now = time.monotonic()
        if known.wanted == goal and now - known.at < self._resync and not self._has_drifted(name, known):
            return False
        deployment = self._existing(wanted[DEPLOYMENT])
        seen: dict[Kind, str] = {}
        for kind, manifest in wanted.items():
            found = self._apply(kind, manifest if kind is DEPLOYMENT else _owned(manifest, deployment))
            if kind in WATCHED:
                self._watches[kind].put(found)
                seen[kind] = fingerprint(found)
        self._applied[name] = Applied(goal, now, seen)
        return True

    def forget(self, name: str) -> None:
        """The program is gone: should it come back, everything is applied."""
        self._applied.pop(name, None)

    def _has_drifted(self, name: str, known: Applied) -> bool:
        return any(
            (found := self._watches[kind].get(name)) is None or fingerprint(found) != seen
            for kind, seen in known.seen.items()
        )

    def _existing(self, manifest: Object) -> Object:
        """The Deployment, made with no copies when there is none; whose `replicas` are not ours to take away again."""
        found = self._watches[DEPLOYMENT].get(manifest["metadata"]["name"])
        if found is None:
            found = self._apply(DEPLOYMENT, {**manifest, "spec": {**manifest["spec"], "replicas": 0}})
            self._watches[DEPLOYMENT].put(found)
        if found["metadata"].get("deletionTimestamp"):
            raise LEAVING
        if _owns_replicas(found):
            metadata = {key: manifest["metadata"][key] for key in ("name", "namespace")}
            spec = {"replicas": found["spec"].get("replicas", 0)}
            only = {**manifest, "metadata": metadata, "spec": spec}
            self._api.apply(DEPLOYMENT, only, force=True, manager=FIRST_MANAGER)
        return found

    def _apply(self, kind: Kind, manifest: Object) -> Object:
        """Apply; what somebody else set otherwise is said, and set again: all that we name is ours, and nothing else is."""
        try:
            return self._api.apply(kind, manifest)
        except ApiError as error:
            if error.status != 409 or not error.fields:
                raise
            logger.warning(
                "%s %s was changed by others and is put right: %s",
                kind.name,
                manifest["metadata"]["name"],
                error,
            )
            return self._api.apply(kind, manifest, force=True)


def fingerprint(found: Object) -> str:
    """A digest of what can drift: not what Kubernetes and KEDA write themselves, nor how many copies there are."""
    metadata = found["metadata"]
    annotations = metadata.get("annotations") or {}
    spec = {key: value for key, value in (found.get("spec") or {}).items() if key != "replicas"}
    return digest(
        [
            metadata.get("labels"),
            {key: value for key, value in annotations.items() if not key.startswith(NOT_OURS)},
            metadata.get("ownerReferences"),
            spec,
        ]
    )


def _owned(manifest: Object, owner: Object) -> Object:
    """The manifest with the Deployment as its owner: Kubernetes deletes it with that."""
    reference: dict[str, Any] = {
        "apiVersion": DEPLOYMENT.api,
        "kind": DEPLOYMENT.name,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}}


def _owns_replicas(found: Object) -> bool:
    return any(
        entry.get("manager") == MANAGER
        and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in found["metadata"].get("managedFields") or []
    )
