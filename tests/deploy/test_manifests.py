"""What the chart makes: objects by the published schemas, and sound by rules that no schema knows."""

from __future__ import annotations

import json
import shlex
from importlib.util import find_spec

import pytest
import yaml

from services.core.environment import load_settings, own_names
from services.core.settings import Settings
from services.platform.redis import keys
from tests.deploy.rendered import EVERYTHING, PLAIN, containers, kept, of_kind, pods, selects
from tests.services.operations.programs.kubernetes.published import errors_of
from tests.services.operations.programs.kubernetes.rights import ROLE
from tools.helm.__main__ import CHART, KEPT, ROOT, RULES, RULES_IN_CHART, Object, header, secret_names

STOP_SECONDS = {
    "web": 8,
    "worker": 18,
    "clock": 10,
    "poller": 10,
    "programs": 10,
}  # docs/deployment.md, jobs/worker.py
SECRETS = set(secret_names())
BOTH = pytest.mark.parametrize("found", [kept(PLAIN), kept(EVERYTHING)], ids=["plain", "everything"])


def test_what_is_kept_rendered_is_current() -> None:
    for file, values in KEPT.items():
        assert file.read_text().startswith(header(values)), f"{file.name} is outdated: make helm"
    if RULES.exists():
        assert RULES_IN_CHART.read_text() == RULES.read_text(), "the chart's rules are outdated: make helm"


@BOTH
def test_every_object_is_one_by_the_published_schemas(found: list[Object]) -> None:
    assert len(found) > 20
    for each in found:
        assert errors_of(each) == [], f"{each['kind']} {each['metadata']['name']}"


def test_the_schemas_refuse_what_is_wrong() -> None:
    changes: tuple[tuple[str, tuple[str, ...], object], ...] = (
        ("Deployment", ("spec", "strategy", "rollingUpdate", "maxUnavailable"), [0]),
        ("Deployment", ("spec", "template", "spec", "terminationGracePeriodSecond"), 30),
        ("Job", ("spec", "backoffLimit"), "3"),
        ("HorizontalPodAutoscaler", ("spec", "targetCPUUtilizationPercentage"), 70),
        ("PodDisruptionBudget", ("spec", "maxUnavailables"), 1),
        ("NetworkPolicy", ("spec", "podSelector", "labels"), {}),
        ("Ingress", ("spec", "tls"), {"hosts": []}),
        ("ScaledObject", ("spec", "minReplicas"), 2),
        ("TriggerAuthentication", ("spec", "secretTargetRef"), [{"name": "x"}]),
        ("ServiceMonitor", ("spec", "endpoint"), []),
    )
    for kind, path, wrong in changes:
        broken = json.loads(json.dumps(next(iter(of_kind(kept(EVERYTHING), kind).values()))))
        parent = broken
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = wrong
        assert errors_of(broken), f"{kind}: {path} passes"


@BOTH
def test_every_container_is_held_and_looked_after(found: list[Object]) -> None:
    seen = set()
    for component, template in pods(found):
        seen.add(component)
        pod = template["spec"]
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for each in containers(template):
            security = each["securityContext"]
            assert security["runAsNonRoot"] is security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is security["privileged"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= each["resources"]["requests"].keys() & each["resources"][
                "limits"
            ].keys()
            assert {"/data", "/tmp"} <= {mount["mountPath"] for mount in each["volumeMounts"]}
            mounted = {mount["name"] for mount in each["volumeMounts"]}
            assert mounted <= {volume["name"] for volume in pod["volumes"]}
        if component == "migrate":
            continue
        (process,) = pod["containers"]
        assert {"startupProbe", "livenessProbe"} <= process.keys()
        assert len(pod["topologySpreadConstraints"]) == 2
        assert pod["terminationGracePeriodSeconds"] > STOP_SECONDS[component] + 5
    assert seen == {*STOP_SECONDS, "migrate"}


@BOTH
def test_processes_are_those_of_the_procfile_and_their_probes_modules_of_ours(found: list[Object]) -> None:
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    lines["migrate"] = lines.pop("release")
    commands = {
        component: template["spec"]["containers"][0]["command"] for component, template in pods(found)
    }
    assert commands == {name: shlex.split(line) for name, line in lines.items()}
    for component, template in pods(found):
        for each in containers(template):
            hooks = [
                each["command"],
                each.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", []),
            ]
            hooks += [
                each[probe].get("exec", {}).get("command", []) for probe in each if probe.endswith("Probe")
            ]
            for command in hooks:
                module = command[2] if command[:2] == ["python", "-m"] else ""
                assert not module or find_spec(module), module
                if module == "launch.healthcheck":  # a service's name is its only argument
                    assert command[3:] == [component]


@BOTH
def test_web_stays_in_service_while_redis_is_away_and_leaves_it_slowly(found: list[Object]) -> None:
    template = dict(pods(found))["web"]
    (web,) = template["spec"]["containers"]
    paths = {probe: web[probe]["httpGet"]["path"] for probe in web if probe.endswith("Probe")}
    assert paths == {
        "startupProbe": "/health/ready",
        "readinessProbe": "/health/live",
        "livenessProbe": "/health/live",
    }
    assert web["lifecycle"]["preStop"]["exec"]["command"] == [
        "python",
        "-m",
        "launch.drain",
        "--seconds",
        "10",
    ]
    assert template["spec"]["terminationGracePeriodSeconds"] >= 10 + STOP_SECONDS["web"] + 60


@BOTH
def test_selectors_ports_and_names_agree(found: list[Object]) -> None:
    labels = {component: template["metadata"]["labels"] for component, template in pods(found)}
    for name, each in of_kind(found, "Deployment").items():
        component = each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
        assert [one for one in labels if selects(each["spec"]["selector"], labels[one])] == [component], name
    for name, each in of_kind(found, "PodDisruptionBudget").items():
        assert [one for one in labels if selects(each["spec"]["selector"], labels[one])] == [
            name.split("-")[-1]
        ]
    ((name, service),) = of_kind(found, "Service").items()
    assert [one for one in labels if selects({"matchLabels": service["spec"]["selector"]}, labels[one])] == [
        "web"
    ]
    (web,) = dict(pods(found))["web"]["spec"]["containers"]
    (port,) = web["ports"]
    assert service["spec"]["ports"][0]["targetPort"] == port["name"] == web["startupProbe"]["httpGet"]["port"]
    settings = of_kind(found, "ConfigMap")["flotilla"]["data"]
    assert settings["PORT"] == str(port["containerPort"])
    ((_, ingress),) = of_kind(found, "Ingress").items()
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert (backend["name"], backend["port"]["name"]) == (name, service["spec"]["ports"][0]["name"])
    assert settings["WEBHOOK_BASE_URL"] == f"https://{ingress['spec']['rules'][0]['host']}"
    assert ingress["spec"]["tls"][0]["hosts"] == [ingress["spec"]["rules"][0]["host"]]
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        ((_, scaler),) = of_kind(found, kind).items()
        target = of_kind(found, "Deployment")[scaler["spec"]["scaleTargetRef"]["name"]]
        assert "replicas" not in target["spec"], "two would say how many copies there are"


@BOTH
def test_every_variable_is_a_setting_and_no_secret_stands_in_clear(found: list[Object]) -> None:
    known = own_names()
    data = of_kind(found, "ConfigMap")["flotilla"]["data"]
    assert data.keys() <= known - SECRETS
    assert of_kind(found, "Secret") == {}
    for component, template in pods(found):
        for container in containers(template):
            given = {**({} if component == "migrate" else data)}
            for each in container["env"]:
                name = each["name"].removesuffix("_FILE")
                assert name in known, name
                if name in SECRETS and each["name"] == name:
                    assert "value" not in each, name
                elif name in SECRETS:
                    assert each["value"] == f"/run/secrets/flotilla/{name}"
                else:
                    given[name] = each["value"]
            assert given == data, component


@BOTH
def test_the_settings_are_ones_that_processes_start_with(found: list[Object]) -> None:
    data = of_kind(found, "ConfigMap")["flotilla"]["data"]
    secrets = {
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuv",
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "DATABASE_URL": "postgresql://flotilla:x@postgres.data.svc/flotilla",
        "REDIS_URL": "redis://:x@valkey.data.svc:6379/0",
    }
    settings = load_settings({**data, **secrets})
    assert settings.app_env.is_served
    assert settings.listen_host != "127.0.0.1"
    assert str(settings.data_dir) == "/data"


@BOTH
def test_only_programs_that_are_started_in_the_cluster_hold_a_token_of_it(found: list[Object]) -> None:
    driven = of_kind(found, "ConfigMap")["flotilla"]["data"]["WORKER_DRIVER"] == "kubernetes"
    holders = [component for component, pod in pods(found) if pod["spec"]["automountServiceAccountToken"]]
    assert holders == (["programs"] if driven else [])
    roles = of_kind(found, "Role")
    assert bool(roles) is driven
    if driven:
        documented = [each for each in yaml.safe_load_all(ROLE.read_text()) if each["kind"] == "Role"]
        assert roles["flotilla-programs"]["rules"] == documented[0]["rules"]
        web = dict(pods(found))["web"]["metadata"]["labels"]
        assert web["flotilla/open-to-programs"] == "true"


@BOTH
def test_nothing_comes_in_but_from_the_ingress_controller_and_out_but_where_it_must(
    found: list[Object],
) -> None:
    policies = of_kind(found, "NetworkPolicy")
    labels = [template["metadata"]["labels"] for _, template in pods(found)]
    denied = policies["flotilla-deny"]["spec"]
    assert all(selects(denied["podSelector"], each) for each in labels)
    assert sorted(denied["policyTypes"]) == ["Egress", "Ingress"]
    assert "ingress" not in denied
    assert "egress" not in denied
    inward = [name for name, each in policies.items() if "ingress" in each["spec"]]
    assert inward == ["flotilla-web"]
    ports = {port["port"] for rule in policies["flotilla-egress"]["spec"]["egress"] for port in rule["ports"]}
    assert {53, 443, 5432, 6379} <= ports <= {53, 443, 5432, 6379, 587}
    (https,) = [
        each for each in policies["flotilla-egress"]["spec"]["egress"] if each["ports"][0]["port"] == 443
    ]
    assert "169.254.0.0/16" in https["to"][0]["ipBlock"]["except"]  # clouds' metadata


@BOTH
def test_keda_counts_every_lane_and_no_more_workers_than_lanes_are_started(found: list[Object]) -> None:
    spec = of_kind(found, "ScaledObject")["flotilla-worker"]["spec"]
    data = of_kind(found, "ConfigMap")["flotilla"]["data"]
    lanes = int(data.get("UPDATE_LANES", Settings.model_fields["update_lanes"].default))
    assert [each["metadata"]["stream"] for each in spec["triggers"]] == [
        keys.update_lane(n) for n in range(lanes)
    ]
    assert spec["maxReplicaCount"] <= lanes
    trigger = spec["triggers"][0]["metadata"]
    assert {"consumerGroup", "pendingEntriesCount", "lagCount"}.isdisjoint(trigger)
    assert (trigger.get("unsafeSsl") == "true") is (data.get("REDIS_VERIFY_TLS") == "false")
    scaler = of_kind(found, "HorizontalPodAutoscaler")["flotilla-web"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 10)
    assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 70


def test_prometheus_asks_one_target_however_many_pods_there_are_under_the_name_of_the_rules() -> None:
    ((_, monitor),) = of_kind(kept(EVERYTHING), "ServiceMonitor").items()
    (endpoint,) = monitor["spec"]["endpoints"]
    replaced = {
        each["targetLabel"]: each["replacement"] for each in endpoint["relabelings"] if "targetLabel" in each
    }
    assert replaced == {"__address__": "flotilla-web.flotilla.svc:80", "job": "flotilla"}
    (dropped,) = [each["regex"] for each in endpoint["relabelings"] if each["action"] == "labeldrop"]
    assert {"pod", "container"} <= set(dropped.split("|"))
    assert endpoint["authorization"]["credentials"] == {"name": "flotilla", "key": "METRICS_TOKEN"}
    ((_, service),) = of_kind(kept(EVERYTHING), "Service").items()
    assert selects(monitor["spec"]["selector"], service["metadata"]["labels"])


def test_secrets_are_refused_among_the_settings() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    refused = schema["properties"]["settings"]["propertyNames"]["not"]["enum"]
    assert refused == secret_names(), "make helm"
    assert {
        "SECRET_KEY",
        "ENCRYPTION_KEY",
        "DATABASE_URL",
        "DB_URL",
        "REDIS_URL",
        "SMTP_URL",
        "METRICS_TOKEN",
    } < SECRETS
    assert {"MANAGER_BOT_TOKEN", "KAFKA_PASSWORD"} < SECRETS
    assert "LOG_LEVEL" not in SECRETS
