"""Settings of programs that drive bots: who starts them, and how they reach what they need."""

from __future__ import annotations

from enum import StrEnum

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
    kafka_brokers: str = Field(
        "",
        description="`host:port`, comma-separated, for bots whose programs read Kafka; empty means there is none",
    )
