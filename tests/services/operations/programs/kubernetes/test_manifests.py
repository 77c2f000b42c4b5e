"""What Kubernetes and KEDA are told of a program, against their published schemas and against what may come of it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.core.environment import load_settings
from services.core.errors import ConfigurationError
from services.core.settings import Settings
from services.fleet.workers.programs import Program
from services.operations.programs.kubernetes.client import Kind, Object
from services.operations.programs.kubernetes.kinds import (
    APPLIED,
    DEPLOYMENT,
    NETWORK_POLICY,
    SCALED_OBJECT,
    SECRET,
    TRIGGER_AUTHENTICATION,
)
from services.operations.programs.kubernetes.manifests import Place, render
from tests.services.operations.programs.kubernetes.published import errors_of
from tests.services.operations.programs.kubernetes.rights import ROLE

TOLD = {
    "BOT_ID": "bot_0123456789ab",
    "API_URL": "http://10.1.2.3:8000",
    "WORKER_TOKEN": "77:flw_secret-of-the-worker",
    "KEY": "the owner's secret",
}
KAFKA = {
    "KAFKA_BROKERS": "10.9.9.9:9092,kafka.example.com:9092",
    "KAFKA_INCOMING_TOPIC": "bot_0123456789ab_incoming",
    "KAFKA_CONSUMER_GROUP": "bot_0123456789ab_workers",
}
PROGRAM = Program(7, "bot_0123456789ab", "", "registry.example.com/bot:1", 0, 3, None, TOLD)
ON_KAFKA = replace(PROGRAM, environment={**TOLD, **KAFKA})
PLACE = Place("0123456789ab", "flotilla-programs", {"username": "keda_x", "password": "password-of-keda"})
GIVEN = {
    "WORKER_DRIVER": "kubernetes",
    "WORKER_REDIS_URL": "rediss://redis.flotilla.svc:6380/2",
    "WORKER_API_URL": TOLD["API_URL"],
    "KUBERNETES_NETWORKS": "10.20.0.0/24",
    "KUBERNETES_PULL_SECRETS": "registry, other-registry",
    "WORKER_IDLE_SECONDS": "90",
    "WORKER_COOLDOWN_SECONDS": "7200",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"APP_ENV": "test", "DATA_DIR": str(tmp_path), **GIVEN})


@pytest.mark.parametrize("program", [PROGRAM, ON_KAFKA], ids=["streams", "kafka"])
def test_every_manifest_is_one_by_the_published_schemas(program: Program, settings: Settings) -> None:
    found = render(replace(program, restarted_at=datetime.now(UTC)), settings, PLACE)
    assert set(found) == set(APPLIED) - ({TRIGGER_AUTHENTICATION} if program is ON_KAFKA else set())
    for kind, manifest in found.items():
        assert errors_of(manifest) == []
        assert (manifest["apiVersion"], manifest["kind"]) == (kind.api, kind.name)
        assert re.fullmatch(r"bot-[0-9a-f]{12}", manifest["metadata"]["name"])
        assert manifest["metadata"]["namespace"] == "flotilla-programs"
    for kind, path, wrong in (
        (DEPLOYMENT, ("spec", "template", "spec", "terminationGracePeriodSeconds"), "30"),
        (DEPLOYMENT, ("spec", "template", "spec", "runAsUser"), 1),
        (NETWORK_POLICY, ("spec", "egres"), []),
        (SCALED_OBJECT, ("spec", "pollingInterval"), "5"),
        (SCALED_OBJECT, ("spec", "triggers"), [{"type": "kafka", "metadata": {"lagThreshold": 5}}]),
        (SCALED_OBJECT, ("spec", "maxReplicas"), 5),
    ):
        broken = json.loads(json.dumps(found[kind]))
        parent = broken
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = wrong
        assert errors_of(broken), f"{path} passes"


def test_the_rights_that_an_installation_is_told_to_give_are_sound() -> None:
    documents = list(yaml.safe_load_all(ROLE.read_text()))
    assert [each["kind"] for each in documents] == ["Namespace", "Role", "RoleBinding"]
    assert [errors_of(each) for each in documents] == [[], [], []]


def test_a_pod_can_do_nothing_that_the_strictest_profile_forbids(settings: Settings) -> None:
    pod = render(PROGRAM, settings, PLACE)[DEPLOYMENT]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert pod["terminationGracePeriodSeconds"] >= 25
    security = pod["securityContext"]
    assert security["runAsNonRoot"]
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"] == {
        "cpu": "1000m",
        "memory": "512Mi",
        "ephemeral-storage": "100Mi",
    }
    assert container["resources"]["requests"]["memory"] == "64Mi"
    assert [each["mountPath"] for each in container["volumeMounts"]] == ["/tmp"]
    assert pod["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "100Mi"}}]
    assert pod["imagePullSecrets"] == [{"name": "registry"}, {"name": "other-registry"}]


def test_secrets_stand_in_the_secret_alone_and_keda_s_is_not_told_to_the_program(settings: Settings) -> None:
    found = render(PROGRAM, settings, PLACE)
    secrets = [*TOLD.values(), *PLACE.keda.values()][2:]
    forms = [*secrets, *(base64.b64encode(each.encode()).decode() for each in secrets)]
    for kind, manifest in found.items():
        text = json.dumps(manifest, ensure_ascii=False)
        assert kind is SECRET or not [each for each in forms if each in text]
    assert {name: base64.b64decode(each).decode() for name, each in found[SECRET]["data"].items()} == {
        **TOLD,
        "keda-username": "keda_x",
        "keda-password": "password-of-keda",
    }
    (container,) = found[DEPLOYMENT]["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each.get("valueFrom") for each in container["env"]}
    assert told.keys() == {*TOLD, "HOME", "TMPDIR"}
    assert told["KEY"] == {"secretKeyRef": {"name": "bot-0123456789ab", "key": "KEY"}}
    assert "envFrom" not in container
    for text in (repr(PLACE), repr(PROGRAM)):
        assert not [each for each in secrets if each in text]


def test_pods_are_replaced_when_they_are_told_something_else_or_are_to_be_and_never_for_scaling(
    settings: Settings,
) -> None:
    def template(program: Program) -> Any:
        return render(program, settings, PLACE)[DEPLOYMENT]["spec"]["template"]

    assert "replicas" not in render(PROGRAM, settings, PLACE)[DEPLOYMENT]["spec"], "they are KEDA's"
    assert template(replace(PROGRAM, min_replicas=2, max_replicas=9)) == template(PROGRAM)
    for other in (
        replace(PROGRAM, environment={**TOLD, "KEY": "another"}),
        replace(PROGRAM, restarted_at=datetime(2026, 11, 28, tzinfo=UTC)),
        replace(PROGRAM, image="registry.example.com/bot:2"),
    ):
        assert template(other) != template(PROGRAM)


def test_keda_counts_what_waits_and_what_is_out_and_lets_copies_end_after_the_idle_time(
    settings: Settings,
) -> None:
    spec = render(replace(PROGRAM, min_replicas=1), settings, PLACE)[SCALED_OBJECT]["spec"]
    assert spec["scaleTargetRef"]["name"] == "bot-0123456789ab"
    assert (spec["pollingInterval"], spec["cooldownPeriod"]) == (5, 90)
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 3)
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"] == {"stabilizationWindowSeconds": 3600}, "Kubernetes takes no more"
    assert behavior["scaleUp"]["policies"] == [{"type": "Percent", "value": 100, "periodSeconds": 15}]
    server = {
        "address": "redis.flotilla.svc:6380",
        "databaseIndex": "2",
        "enableTLS": "true",
        "stream": "bot_0123456789ab_incoming",
    }
    group = {**server, "consumerGroup": "bot_0123456789ab_workers"}
    assert [each["metadata"] for each in spec["triggers"]] == [
        {**group, "lagCount": "5", "activationLagCount": "0"},
        {**group, "pendingEntriesCount": "5"},
        {**server, "streamLength": "5"},
    ]
    assert {each["authenticationRef"]["name"] for each in spec["triggers"]} == {"bot-0123456789ab"}
    (kafka,) = render(ON_KAFKA, settings, PLACE)[SCALED_OBJECT]["spec"]["triggers"]
    assert kafka["type"] == "kafka"
    assert kafka["metadata"] == {
        "bootstrapServers": KAFKA["KAFKA_BROKERS"],
        "topic": "bot_0123456789ab_incoming",
        "consumerGroup": "bot_0123456789ab_workers",
        "lagThreshold": "5",
        "activationLagThreshold": "0",
        "offsetResetPolicy": "earliest",
    }


def test_programs_reach_the_internet_and_us_and_nothing_else(settings: Settings) -> None:
    policy = render(ON_KAFKA, settings, PLACE)[NETWORK_POLICY]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == []
    for address, port, may in (
        ("149.154.167.220", 443, True),
        ("2001:67c:4e8:f004::9", 443, True),
        ("149.154.167.220", 25, False),
        ("10.1.2.3", 8000, True),  # the installation
        ("10.1.2.3", 22, False),
        ("10.9.9.9", 9092, True),  # Kafka
        ("10.20.0.77", 5432, True),  # a network that was opened
        ("10.1.2.4", 443, False),
        ("169.254.169.254", 80, False),  # clouds' metadata
        ("169.254.169.254", 443, False),
        ("127.0.0.1", 443, False),
        ("192.168.0.1", 443, False),
        ("fd00::1", 443, False),
        ("fe80::1", 443, False),
        ("64:ff9b::a01:203", 443, False),
    ):
        assert reaches(policy, address, port) is may, f"{address}:{port}"
    by_label = [each for rule in policy["egress"] for each in rule["to"] if "podSelector" in each]
    assert [each["podSelector"]["matchLabels"] for each in by_label] == [
        {"k8s-app": "kube-dns"},
        {"flotilla/open-to-programs": "true"},
    ]


def reaches(policy: Object, address: str, port: int) -> bool:
    """Whether a policy lets its pods open TCP connections to an address that is no pod's."""

    def within(block: Object) -> bool:
        here = ip_address(address)
        return here in ip_network(block["cidr"]) and not any(
            here in ip_network(each) for each in block.get("except", [])
        )

    return any(
        any("ipBlock" in each and within(each["ipBlock"]) for each in rule["to"])
        and ("ports" not in rule or {"protocol": "TCP", "port": port} in rule["ports"])
        for rule in policy["egress"]
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"WORKER_REDIS_URL": ""}, "needs WORKER_REDIS_URL"),
        ({"WORKER_REDIS_URL": "unix:///run/redis.sock"}, "needs WORKER_REDIS_URL"),
        ({"KUBERNETES_NAMESPACE": "Programs/../x"}, "KUBERNETES_NAMESPACE"),
        ({"KUBERNETES_PULL_SECRETS": "a b"}, "KUBERNETES_PULL_SECRETS"),
        ({"KUBERNETES_NETWORKS": "10.0.0.1/8"}, "KUBERNETES_NETWORKS"),
        ({"KUBERNETES_CPU_REQUEST": "2000"}, "must not exceed KUBERNETES_CPU_LIMIT"),
        ({"KUBERNETES_MEMORY_REQUEST_MB": "1000"}, "must not exceed WORKER_MEMORY_MB"),
    ],
)
def test_settings_that_no_cluster_could_follow_stop_the_start(
    given: dict[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_settings({"APP_ENV": "test", "DATA_DIR": str(tmp_path), **GIVEN, **given})


def test_kinds_have_their_place_among_addresses() -> None:
    assert Kind("v1", "Pod", "pods").prefix == "/api/v1"
    assert Kind("apps/v1", "Deployment", "deployments").prefix == "/apis/apps/v1"
