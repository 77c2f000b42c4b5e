"""Settings of programs that drive bots: who starts them, and how they reach what they need."""

from __future__ import annotations

import json
import shlex
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode

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
    kafka_brokers: str = Field(
        "",
        description="`host:port`, comma-separated, for bots whose programs read Kafka; empty means there is none",
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
