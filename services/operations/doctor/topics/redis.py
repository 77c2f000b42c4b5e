"""Redis or Valkey: durable, large enough, near."""

from __future__ import annotations

import time
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from services.core.i18n import Text
from services.core.url_safety import names_public_host
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts
from services.operations.storage import redis_findings
from services.queueing.memory_guard import Memory

warning = partial(check, Topic.REDIS, Severity.WARNING)
error = partial(check, Topic.REDIS, Severity.ERROR)
OLDEST: Final = 7
SLOW_SECONDS: Final = 0.01
SKEW_SECONDS: Final = 2.0
HIGH: Final = 0.8
FRAGMENTED: Final = 1.8
LARGE: Final = 200 * 2**20
NEAR: Final = ("127.0.0.1", "localhost", "::1", "")


@error(
    why=Text("Links keep redirecting from memory and clicks are kept on disk, but bots do not answer."),
    advice=Text("See its log, its memory and its disk, and REDIS_URL."),
)
def redis_unwritable(facts: Facts) -> Text | None:
    """Redis answers and takes writes."""
    memory = Memory(int(facts.redis["used_memory"]), int(facts.redis.get("maxmemory", 0)))
    found = [finding for finding in redis_findings(facts.platform.redis, memory) if finding.fatal]
    return found[0].sentence if found else None


@error(
    why=Text("Scripts, ACLs and streams are used that older servers do not have."),
    advice=Text("Upgrade to Redis 7 or Valkey."),
)
def redis_old(facts: Facts) -> Text | None:
    """Redis is new enough."""
    version = str(facts.redis.get("valkey_version") or facts.redis["redis_version"])
    return Text("It is {version}", version=version) if int(version.partition(".")[0]) < OLDEST else None


@error(
    why=Text("A replica takes no writes: no click and no update is taken."),
    advice=Text("Give REDIS_URL the address of the primary."),
)
def redis_is_a_replica(facts: Facts) -> Text | None:
    """REDIS_URL leads to the primary."""
    return None if facts.redis["role"] == "master" else Text("It is a replica")


def _keep_everything(facts: Facts) -> None:
    facts.platform.redis.config_set("maxmemory-policy", "noeviction")


@error(
    why=Text("When its memory is full it throws clicks, updates and messages away without a word."),
    advice=Text("CONFIG SET maxmemory-policy noeviction, and write it into the server's configuration."),
    remedy=_keep_everything,
)
def redis_evicts(facts: Facts) -> Text | None:
    """Redis throws nothing away."""
    policy = str(facts.redis.get("maxmemory_policy"))
    return None if policy == "noeviction" else Text("maxmemory-policy is {policy}", policy=policy)


def _append(facts: Facts) -> None:
    facts.platform.redis.config_set("appendonly", "yes")


@error(
    why=Text("What waits in it is lost when it restarts: clicks that were answered, updates, messages."),
    advice=Text("CONFIG SET appendonly yes, and write it into the server's configuration."),
    remedy=_append,
)
def redis_without_aof(facts: Facts) -> Text | None:
    """Redis keeps an append-only file."""
    return None if facts.redis.get("aof_enabled") else Text("appendonly is no")


def _config(facts: Facts, name: str) -> str:
    value = facts.redis_config.get(name)
    if value is None:  # a hosted server that does not tell
        raise NotApplicable
    return value


def _sync_every_second(facts: Facts) -> None:
    facts.platform.redis.config_set("appendfsync", "everysec")


@warning(
    why=Text("The system decides when what was written reaches the disk: a power cut costs half a minute."),
    advice=Text("CONFIG SET appendfsync everysec."),
    remedy=_sync_every_second,
)
def redis_syncs_seldom(facts: Facts) -> Text | None:
    """Redis brings what it writes to the disk every second."""
    return Text("appendfsync is no") if _config(facts, "appendfsync") == "no" else None


def _keep_connections(facts: Facts) -> None:
    facts.platform.redis.config_set("timeout", 0)


@warning(
    why=Text("Connections that wait for work are cut again and again; each cut costs a round of errors."),
    advice=Text("CONFIG SET timeout 0."),
    remedy=_keep_connections,
)
def redis_cuts_idle_connections(facts: Facts) -> Text | None:
    """Redis leaves idle connections alone."""
    seconds = int(_config(facts, "timeout"))
    return Text("timeout is {n} s", n=seconds) if 0 < seconds < 600 else None


@error(
    why=Text("At its limit it takes nothing more: clicks go to the disk, updates wait at Telegram."),
    advice=Text(
        "Raise maxmemory (EMBEDDED_REDIS_MB for the embedded one), and see on the page of queues what waits."
    ),
)
def redis_nearly_full(facts: Facts) -> Text | None:
    """Redis has room."""
    used, most = int(facts.redis["used_memory"]), int(facts.redis.get("maxmemory", 0))
    if not most or used < HIGH * most:
        return None
    return Text("{percent} percent of its memory is used", percent=round(100 * used / most))


@warning(
    why=Text("Without a limit it grows until the system ends it, or something else on the machine."),
    advice=Text("Set maxmemory to what the machine can spare; with noeviction nothing is lost at the limit."),
)
def redis_without_limit(facts: Facts) -> Text | None:
    """Redis has a limit of its own."""
    if not facts.is_served:
        raise NotApplicable
    return None if int(facts.redis.get("maxmemory", 0)) else Text("maxmemory is 0")


def _tidy_memory(facts: Facts) -> None:
    facts.platform.redis.memory_purge()


@warning(
    why=Text("The system sees more memory used than is: a limit of the container is reached too soon."),
    advice=Text("MEMORY PURGE, or a restart at a quiet time; activedefrag where the server has it."),
    remedy=_tidy_memory,
)
def redis_fragmented(facts: Facts) -> Text | None:
    """Redis' memory is not in pieces."""
    ratio, used = float(facts.redis.get("mem_fragmentation_ratio", 1)), int(facts.redis["used_memory"])
    return (
        Text("It takes {ratio} times what it holds", ratio=ratio)
        if ratio > FRAGMENTED and used > LARGE
        else None
    )


@error(
    why=Text("What it takes now may not survive a restart."),
    advice=Text("See its log and the space on its disk."),
)
def redis_disk_failed(facts: Facts) -> Text | None:
    """Redis' last writes to its disk went well."""
    for name in ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"):
        if facts.redis.get(name, "ok") != "ok":
            return Text("{name} is {state}", name=name, state=str(facts.redis[name]))
    return None


@warning(
    why=Text("Each click and each update waits for at least one round trip."),
    advice=Text("Put the processes and Redis into one data centre, and look at the server's slow log."),
)
def redis_slow(facts: Facts) -> Text | None:
    """A round trip to Redis is short."""
    seconds = facts.redis_seconds
    return Text("A round trip takes {ms} ms", ms=round(seconds * 1000)) if seconds > SLOW_SECONDS else None


@warning(
    why=Text("Leases and signs of life are timed by it, and limits per minute by us."),
    advice=Text("Have both machines keep their time by NTP."),
)
def redis_clock(facts: Facts) -> Text | None:
    """Redis' clock agrees with ours."""
    began = time.time()
    seconds, micros = facts.platform.redis.time()
    skew = seconds + micros / 1e6 - (began + time.time()) / 2
    return Text("It is {n} s off", n=round(skew, 1)) if abs(skew) > SKEW_SECONDS else None


@warning(
    why=Text("Processes that find no connection wait or fail."),
    advice=Text("Raise maxclients, or lower REDIS_MAX_CONNECTIONS: it counts for each process."),
)
def redis_connections_too_few(facts: Facts) -> Text | None:
    """Redis has connections for all processes."""
    there, each = int(_config(facts, "maxclients")), facts.settings.redis_max_connections
    wanted = each * max(1, len(facts.processes))
    return (
        Text("The processes may open {wanted}, it allows {there}", wanted=wanted, there=there)
        if wanted > there
        else None
    )


@error(
    why=Text("Whoever reaches its port reads and changes everything that waits in it."),
    advice=Text("Set a password (requirepass, or a user of its own), and write it into REDIS_URL."),
)
def redis_without_password(facts: Facts) -> Text | None:
    """Redis asks for a password."""
    url = urlsplit(facts.settings.redis_url)
    if url.password or (url.hostname or "") in NEAR or url.scheme == "unix":
        return None
    return Text("REDIS_URL names none")


@warning(
    why=Text("What travels to Redis can be read on the way: clicks, and updates with what people write."),
    advice=Text("Use rediss:// where the server is not in your private network."),
)
def redis_over_the_internet(facts: Facts) -> Text | None:
    """Redis is reached by TLS, or within a private network."""
    url = urlsplit(facts.settings.redis_url)
    host = url.hostname or ""
    if url.scheme != "redis" or not names_public_host(host):
        return None
    return Text("REDIS_URL is not rediss://, and {host} is a public name", host=host)


@warning(
    why=Text("The certificate of its server is not looked at: whoever is on the way can pass for it."),
    advice=Text("Remove REDIS_VERIFY_TLS=false; Heroku's Redis alone needs it."),
)
def redis_certificate_ignored(facts: Facts) -> Text | None:
    """The certificate of Redis is checked."""
    settings = facts.settings
    if urlsplit(settings.redis_url).scheme != "rediss":
        raise NotApplicable
    heroku = (urlsplit(settings.redis_url).hostname or "").endswith(".amazonaws.com")
    return None if settings.redis_verify_tls or heroku else Text("REDIS_VERIFY_TLS is false")
