"""Settings of programs that drive bots: who starts them, and how they reach what they need."""

from __future__ import annotations

import json
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from services.core.kafka_settings import KafkaSettings
from services.core.setting_types import BaseUrl, Networks, RedisUrl, split_list


class WorkerDriver(StrEnum):
    """What starts the programs that owners named by `worker_command` or `worker_image`."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"
    NONE = "none"


def _checked_image(pattern: str) -> str:
    """With `*` in the registry's name, anybody's registry would do."""
    if "*" in pattern.partition("/")[0]:
        raise ValueError(
            "must name its registry or its first part before any *, such as registry.example.com/team/*"
        )
    return pattern


def _parse_commands(value: Any) -> Any:
    """A JSON list: a command may hold any sign that could separate two."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else ()
    except (ValueError, RecursionError):
        raise ValueError(
            'must be a JSON list such as ["/srv/bots/echo", "node /srv/bots/shop.js *"]'
        ) from None


def _checked_command(entry: str) -> str:
    words = shlex.split(entry)  # ValueError for an open quote
    if not words or words == ["*"]:
        raise ValueError("must name a program")
    return entry


ImagePattern = Annotated[str, AfterValidator(_checked_image)]
CommandEntry = Annotated[str, AfterValidator(_checked_command)]


class WorkerSettings(KafkaSettings):
    """A part of `Settings`, with what their updates may come by."""

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
    worker_webhook_networks: Networks = Field(
        (),
        description="networks, comma-separated, as `10.0.0.0/8`, in which the webhooks of bots' own programs may be although nobody on the "
        "internet reaches them, also by plain http; any owner can have updates posted there",
    )
    worker_requests_per_minute: int = Field(
        12_000,
        ge=0,
        description="requests that the program of one bot may send to the Runtime API and the Bot API facade in a minute, all its copies together; beyond it 429; 0 means any number",
    )
    worker_requests_at_once: int = Field(
        200,
        ge=0,
        description="requests of one bot's program, waiting ones included, that one web process serves at once; 0 means any number",
    )
    worker_webhook_threads: int = Field(
        32,
        ge=1,
        le=512,
        description="updates that the `programs` process posts to webhooks of bots' own programs at once, all bots together",
    )
    worker_images: Annotated[tuple[ImagePattern, ...], NoDecode, BeforeValidator(split_list)] = Field(
        (),
        description="images that owners who are no admins may have started, comma-separated, as `registry.example.com/team/*`: "
        "`*` is any part of a name but a slash, and without one the tag has to be the same; empty means that only an admin may name one",
    )
    worker_commands: Annotated[tuple[CommandEntry, ...], NoDecode, BeforeValidator(_parse_commands)] = Field(
        (),
        description='commands that owners who are no admins may have started, a JSON list such as `["/srv/bots/echo", "node /srv/bots/shop.js *"]`: '
        "the same words; after an entry that ends in `*` also others, of letters, digits and `_.@:+-`, that begin with a letter or digit; "
        "empty means that only an admin may name one",
    )
