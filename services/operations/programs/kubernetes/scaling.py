"""What KEDA is told of a program: how it learns what waits, and how many copies follow from it.

The scaler for streams counts what its fields name: `lagCount` what was not given out yet (XINFO GROUPS), `pendingEntriesCount`
what was and is not answered (XPENDING), and without a group `streamLength` all entries (XLEN). The first alone would leave
copies unseen that are at work. And Redis cannot tell it ("lag" is nil) while an update is out that is older than one which was
settled, for settled ones are deleted; the third, which in our queue is the sum of both, knows it even then. The greatest wins.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from services.core.settings import Settings
from services.fleet.workers.programs import Program
from services.operations.programs.scaling import LAG_PER_COPY
from services.platform.redis import work_keys

POLLING_SECONDS: Final = 5  # W5
GROWTH_SECONDS: Final = 15  # how often Kubernetes looks itself; at most twice as many copies each time


# Where in a program's Secret it stands who KEDA is to Redis; no program is told it.
SECRET_KEYS: Final = {"username": "keda-username", "password": "keda-password"}
LONGEST_COOLDOWN: Final = 3600  # seconds that Kubernetes allows


def trigger_authentication(secret: str) -> dict[str, Any]:
    """The spec of what KEDA takes its user and password from."""
    keys = [{"parameter": parameter, "name": secret, "key": key} for parameter, key in SECRET_KEYS.items()]
    return {"secretTargetRef": keys}


def scaled_object(name: str, program: Program, settings: Settings) -> dict[str, Any]:
    """The spec of the ScaledObject of the Deployment `name`."""
    behavior = {
        "scaleUp": {"policies": [{"type": "Percent", "value": 100, "periodSeconds": GROWTH_SECONDS}]},
        "scaleDown": {
            "stabilizationWindowSeconds": min(round(settings.worker_cooldown_seconds), LONGEST_COOLDOWN)
        },
    }
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "pollingInterval": POLLING_SECONDS,
        "cooldownPeriod": round(settings.worker_idle_seconds),
        "minReplicaCount": program.min_replicas,
        "maxReplicaCount": program.max_replicas,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
        "triggers": _kafka(program) if reads_kafka(program) else _streams(name, program, settings),
    }


def reads_kafka(program: Program) -> bool:
    """Whether the program gets its updates from Kafka: it is told a topic then, which no owner can say."""
    return "KAFKA_INCOMING_TOPIC" in program.environment


def _kafka(program: Program) -> list[dict[str, Any]]:
    told = program.environment
    metadata = {
        "bootstrapServers": told["KAFKA_BROKERS"],
        "consumerGroup": told["KAFKA_CONSUMER_GROUP"],
        "topic": told["KAFKA_INCOMING_TOPIC"],
        "lagThreshold": str(LAG_PER_COPY),
        "activationLagThreshold": "0",
        "offsetResetPolicy": "earliest",
    }
    return [{"type": "kafka", "metadata": metadata}]


def _streams(name: str, program: Program, settings: Settings) -> list[dict[str, Any]]:
    parts = urlsplit(settings.worker_redis_url)
    server = {
        "address": f"{_bracketed(parts.hostname or '')}:{parts.port or 6379}",
        "databaseIndex": parts.path.strip("/") or "0",
        "enableTLS": "true" if parts.scheme == "rediss" else "false",
        "stream": work_keys.incoming(program.public_id),
    }
    if not settings.redis_verify_tls:
        server["unsafeSsl"] = "true"
    group = {"consumerGroup": work_keys.group(program.public_id)}
    most = str(LAG_PER_COPY)
    wanted = (
        {**group, "lagCount": most, "activationLagCount": "0"},
        {**group, "pendingEntriesCount": most},
        {"streamLength": most},
    )
    return [
        {"type": "redis-streams", "metadata": {**server, **each}, "authenticationRef": {"name": name}}
        for each in wanted
    ]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
