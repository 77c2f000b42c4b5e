"""Settings of the cluster that bots' own programs are started in."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from services.core.setting_types import Names, Networks
from services.core.worker_settings import WorkerDriver, WorkerSettings


class KubernetesSettings(WorkerSettings):
    """A part of `Settings`."""

    kubeconfig: str = Field(
        "",
        description="with WORKER_DRIVER=kubernetes outside of the cluster: file that says where its API server is and who we are to it; empty "
        "means the service account of this process's pod",
    )
    kubernetes_namespace: str = Field(
        "flotilla-programs",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="namespace of bots' own programs, for nothing else",
    )
    kubernetes_pull_secrets: Names = Field(
        (), description="Secrets there, comma-separated, that their images are fetched with"
    )
    kubernetes_networks: Networks = Field(
        (),
        description="private networks, comma-separated as `10.20.0.0/24`, that those programs may speak to: of the installation, Redis and Kafka "
        "where these are no pods with the label `flotilla/open-to-programs`",
    )
    kubernetes_cpu_request: int = Field(
        50, ge=1, description="thousandths of a CPU that Kubernetes keeps for a copy"
    )
    kubernetes_cpu_limit: int = Field(
        1000, ge=1, description="thousandths of a CPU that a copy may use at most"
    )
    kubernetes_memory_request_mb: int = Field(
        64,
        ge=4,
        description="memory in MB (2^20 bytes) that Kubernetes keeps for a copy; it may use WORKER_MEMORY_MB, and WORKER_DISK_MB of disk",
    )

    @model_validator(mode="after")
    def _kubernetes_is_whole(self) -> Self:
        if self.worker_driver is not WorkerDriver.KUBERNETES:
            return self
        if urlsplit(self.worker_redis_url).scheme not in ("redis", "rediss"):
            raise ValueError(
                "WORKER_DRIVER=kubernetes needs WORKER_REDIS_URL, an address of Redis that pods reach: KEDA reads there what waits"
            )
        if self.kubernetes_cpu_request > self.kubernetes_cpu_limit:
            raise ValueError("KUBERNETES_CPU_REQUEST must not exceed KUBERNETES_CPU_LIMIT")
        if self.kubernetes_memory_request_mb > self.worker_memory_mb:
            raise ValueError("KUBERNETES_MEMORY_REQUEST_MB must not exceed WORKER_MEMORY_MB")
        return self
