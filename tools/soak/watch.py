"""One look at everything of an installation that could grow: processes, Redis, database, metrics, files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from redis import Redis
from sqlalchemy import func, select

from models import Base
from services.operations.retention.expiry import database_bytes
from tools.servers.process_tree import family
from tools.soak.families import family_of
from tools.soak.installation import Installation

MB = 2**20
SCAN_COUNT = 1000
BATCH = 1000
NO_END = -1  # what PTTL says of a key that lives for ever
LENGTHS = {
    "stream": "xlen",
    "hash": "hlen",
    "list": "llen",
    "set": "scard",
    "zset": "zcard",
    "string": "strlen",
}
METRICS_SECONDS = 30.0


def look(place: Installation) -> dict[str, float]:
    """All series by name, as `memory/worker` (MB) or `rows/clicks`."""
    return {
        **_processes(place),
        **_redis(place.platform.redis),
        **_database(place),
        **_metrics(place.web),
        **_files(place),
    }


def _processes(place: Installation) -> dict[str, float]:
    """Of each program with its descendants: PSS and RSS in MB, descriptors, threads, processes, CPU seconds."""
    found: Any = Counter()  # of floats: its type has integers alone
    for name, root in place.roots.items():
        for pid in family(root):
            with suppress(FileNotFoundError, ProcessLookupError):  # one that ends just now counts no more
                found.update({f"{kind}/{name}": figure for kind, figure in _figures(pid).items()})
    return dict(found)


def _figures(pid: int) -> dict[str, float]:
    sizes = _sizes(pid)
    return {
        "memory": sizes["Pss"] / 1024,
        "resident": sizes["Rss"] / 1024,
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": len(os.listdir(f"/proc/{pid}/task")),
        "processes": 1,
        "cpu": _cpu_seconds(pid),
    }


def _sizes(pid: int) -> dict[str, int]:
    """Pss and Rss in KB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    named = (line.split() for line in lines)
    return {name.rstrip(":"): int(size) for name, size, *_ in named if name in ("Pss:", "Rss:")}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _redis(redis: Redis) -> dict[str, float]:
    """Memory and file in MB; of each family its keys, and what those hold that have no end (entries, fields, bytes of a string)."""
    memory, persistence, clients = (redis.info(part) for part in ("memory", "persistence", "clients"))
    found: Counter[str] = Counter()
    for batch in _batches(redis):
        with redis.pipeline(transaction=False) as pipe:
            for key in batch:
                pipe.pttl(key)
                pipe.type(key)
            answers: list[Any] = pipe.execute()
        found.update(f"keys/{family_of(key)}" for key in batch)
        found.update(_held(redis, [(key, kind) for key, left, kind in zip(batch, answers[::2], answers[1::2], strict=True) if left == NO_END]))  # fmt: skip
    return {
        "redis/memory": memory["used_memory"] / MB,
        "redis/data": memory["used_memory_dataset"] / MB,
        "redis/file": persistence.get("aof_current_size", 0) / MB,
        "redis/clients": clients["connected_clients"],
        "redis/keys": sum(number for name, number in found.items() if name.startswith("keys/")),
        **found,
    }


def _batches(redis: Redis) -> Iterable[list[str]]:
    keys = list(redis.scan_iter(count=SCAN_COUNT))
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def _held(redis: Redis, endless: list[tuple[str, str]]) -> Counter[str]:
    """Keys without an end by family, and how much is in them. One that went meanwhile holds nothing."""
    found: Counter[str] = Counter()
    endless = [(key, kind) for key, kind in endless if kind in LENGTHS]
    with redis.pipeline(transaction=False) as pipe:
        for key, kind in endless:
            getattr(pipe, LENGTHS[kind])(key)
        lengths = pipe.execute()
    for (key, _), length in zip(endless, lengths, strict=True):
        found[f"endless/{family_of(key)}"] += 1
        found[f"held/{family_of(key)}"] += int(length)
    return found


def _database(place: Installation) -> dict[str, float]:
    """Rows by table, and MB of the whole."""
    with place.platform.database.reading() as session:
        rows = {
            f"rows/{table.name}": session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }
        return {**rows, "database/size": database_bytes(session) / MB}


def _metrics(web: str) -> dict[str, float]:
    """How many series `/metrics` has, in all and of each metric."""
    with build_opener(ProxyHandler({})).open(f"{web}/metrics", timeout=METRICS_SECONDS) as answer:
        lines = answer.read().decode().splitlines()
    names = [line.split("{")[0].split(" ")[0] for line in lines if line and not line.startswith("#")]
    return {
        "metrics/all": len(names),
        **{f"series/{name}": number for name, number in Counter(names).items()},
    }


def _files(place: Installation) -> dict[str, float]:
    """MB and number of files of each entry of DATA_DIR but Valkey's, and KB of the programs' log."""
    found = {"log/all": place.log.stat().st_size / 1024}
    for entry in place.data_dir.iterdir():
        if entry.name != place.engine:  # whose file is among the figures of Redis
            files = [each for each in (entry, *entry.rglob("*")) if each.is_file()]
            found[f"files/{entry.name}"] = sum(each.stat().st_size for each in files) / MB
            found[f"files/{entry.name}, number"] = len(files)
    return found
