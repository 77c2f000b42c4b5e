"""Settings of programs that drive bots: who starts them, and how they reach what they need."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from services.core.setting_types import BaseUrl, Names, Networks, RedisUrl


class WorkerDriver(StrEnum):
    """What starts the programs that owners named by `worker_command` or `worker_image`."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"
    NONE = "none"


class WorkerSettings(BaseSettings):
    """A part of `Settings`."""

    worker_driver: WorkerDriver = Field(
        WorkerDriver.LOCAL,
        description="what starts bots' own programs: `local` as processes of the machine the `programs` process runs on, `kubernetes`, or `none`",
    )
    worker_api_url: BaseUrl = Field(
        "",
        description="address of this installation as those programs reach it; empty means PUBLIC_URL, else WEBHOOK_BASE_URL, else PORT on loopback",
    )
    worker_redis_url: RedisUrl = Field(
        "",
        description="address of Redis as those programs reach it, without user and password, which each gets of its own; empty means that "
        "they are not let into Redis, unless it is the embedded one",
    )
    kafka_brokers: str = Field(
        "",
        description="`host:port`, comma-separated, for bots whose programs read Kafka; empty means there is none",
    )
    worker_idle_seconds: float = Field(
        60.0,
        ge=1,
        description="how long nothing must have waited before the last copy of a bot's program ends",
    )
    worker_cooldown_seconds: float = Field(
        30.0, ge=0, description="how long fewer copies must have been enough before some of them end"
    )
    worker_copies: int = Field(
        50,
        ge=1,
        le=400,
        description="copies of all bots' programs at once on one machine; each runs as a user of its own",
    )
    worker_first_uid: int = Field(
        60720,
        ge=1000,
        le=2**31,
        description="the first of WORKER_COPIES numbers of users, which nobody else on the machine may have, for those copies",
    )
    worker_dir: Path = Field(
        Path("/var/lib/flotilla-programs"),
        description="folder of the copies' working folders, each deleted with its copy; outside DATA_DIR, the same for all installations on a machine",
    )
    worker_path: str = Field(
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", description="PATH of those programs"
    )
    worker_memory_mb: int = Field(
        512,
        ge=16,
        description="memory in MB (2^20 bytes) that a copy may use, with all processes that it starts",
    )
    worker_cpu_seconds: int = Field(
        3600, ge=0, description="CPU time after which a process of a copy is ended, and replaced; 0 = never"
    )
    worker_disk_mb: int = Field(
        100,
        ge=1,
        description="MB (2^20 bytes) that a copy may write to its working folder, the only one it may write to",
    )
    worker_open_files: int = Field(256, ge=16, description="open files of one process of a copy")
    worker_processes: int = Field(64, ge=1, description="processes and threads of a copy at once")
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
