"""The rights in a cluster that were used, and those that an installation is told to give."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.services.operations.programs.kubernetes.played_cluster import Cluster

ROLE = Path(__file__).parents[5] / "docs/kubernetes/programs.yaml"


def rights_used(cluster: Cluster) -> set[tuple[str, str, str]]:
    """Group, resource and verb of every request so far; to apply what is not there is to create it."""
    found = set()
    for method, path, query in cluster.requests:
        api, _, rest = path.partition("/namespaces/")
        group = api.split("/")[2] if api.startswith("/apis/") else ""
        verbs = {"PATCH": ("patch", "create"), "DELETE": ("delete",)}
        for verb in verbs.get(method, ("watch",) if "watch" in query else ("list",)):
            found.add((group, rest.split("/")[1], verb))
    return found


def rights_asked_for() -> set[tuple[str, str, str]]:
    """The same of the Role that an installation is told to give."""
    _, role, _ = yaml.safe_load_all(ROLE.read_text())
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
