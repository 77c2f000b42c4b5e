"""Settings of programs that drive bots: who starts them, and how they reach what they need."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from services.core.setting_types import BaseUrl, RedisUrl


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
