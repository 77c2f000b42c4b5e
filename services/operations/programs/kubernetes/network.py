"""Whom a program may speak to: names, this installation with Redis and Kafka, https in the internet; nobody speaks to it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from services.core.settings import Settings
from services.fleet.workers.programs import Program, api_url

# Pods of whatever namespace that carry it may be spoken to by programs: an operator's way to say where web and Redis are.
OPEN_TO_PROGRAMS: Final = "flotilla/open-to-programs"
NODE_DNS: Final = "169.254.20.10/32"  # of NodeLocal DNSCache
# Networks of nobody's in the internet: clusters, clouds' metadata, hosts' own (RFC 6890).
PRIVATE: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
PRIVATE_6: Final = ("::/96", "64:ff9b::/96", "fc00::/7", "fe80::/10", "ff00::/8")
PORTS: Final = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}


def network_policy(pods: dict[str, str], program: Program, settings: Settings) -> dict[str, Any]:
    """The spec of the policy for the pods with these labels."""
    return {
        "podSelector": {"matchLabels": pods},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [
            {"to": _dns(), "ports": [{"protocol": each, "port": 53} for each in ("UDP", "TCP")]},
            {"to": _ours(settings)},
            *(_one(address, port) for address, port in _literal_addresses(program, settings)),
            {"to": _internet(), "ports": [{"protocol": "TCP", "port": 443}]},
        ],
    }


def _dns() -> list[dict[str, Any]]:
    cluster = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    return [cluster, {"ipBlock": {"cidr": NODE_DNS}}]


def _ours(settings: Settings) -> list[dict[str, Any]]:
    labelled = {"namespaceSelector": {}, "podSelector": {"matchLabels": {OPEN_TO_PROGRAMS: "true"}}}
    return [labelled, *({"ipBlock": {"cidr": str(each)}} for each in settings.kubernetes_networks)]


def _literal_addresses(program: Program, settings: Settings) -> Iterator[tuple[str, int]]:
    """Where the installation, Redis and Kafka are said to be, as far as it is said in numbers: a policy knows no names."""
    urls = [urlsplit(each) for each in (api_url(settings), settings.worker_redis_url) if each]
    brokers = [urlsplit(f"//{each}") for each in program.environment.get("KAFKA_BROKERS", "").split(",")]
    for parts in (*urls, *brokers):
        port = parts.port or PORTS.get(parts.scheme)
        if port and _is_address(parts.hostname or ""):
            yield str(parts.hostname), port


def _is_address(host: str) -> bool:
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return False


def _one(address: str, port: int) -> dict[str, Any]:
    block = {"ipBlock": {"cidr": str(ip_network(address))}}
    return {"to": [block], "ports": [{"protocol": "TCP", "port": port}]}


def _internet() -> list[dict[str, Any]]:
    return [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(PRIVATE)}},
        {"ipBlock": {"cidr": "::/0", "except": list(PRIVATE_6)}},
    ]
