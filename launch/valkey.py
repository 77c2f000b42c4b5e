"""The embedded server (services/platform/redis/engine.py finds its program).

Each engine has its own folder in DATA_DIR: one engine's files are never opened by another. The address and the random
password are kept in the server's own configuration file (mode 600), never on a command line.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from launch.datadir import write_private
from launch.interrupts import pause
from launch.ports import free_port, is_free
from services.core.errors import ConfigurationError, Unavailable
from services.core.i18n import Text
from services.core.settings import Settings
from services.platform.redis.connection import probing_client
from services.platform.redis.engine import Engine
from services.platform.redis.trouble import is_set_up_wrong, redis_trouble

# Rewriting the append-only file may double what the server takes for a while; the other processes need room too.
SHARE_OF_MACHINE = 0.25
LEAST_BYTES = 64 * 2**20
CGROUP_LIMITS = (  # version 2, version 1; "max" or a huge number where there is none
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
READY_SECONDS = 60.0  # loading a large append-only file takes its time
STOP_SECONDS = 10.0
LOG_HEAD = re.compile(r"(\d+):\w [\w :.]+ [*#.-] ")  # "4711:M 01 Jan 2026 10:00:00.123 # "

# What the append-only file may grow to before it is made anew; Valkey's own is 64 MB. A megabyte of it is 20 ms in which a server
# that was killed reads and nobody is answered, twice that beside programs that start as well.
REWRITE_MB = 16
CONFIGURATION = """\
# Written at each start; `port` and `requirepass` are kept from the start before.
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
logfile "{folder}/server.log"
daemonize no
appendonly yes
appendfsync everysec
auto-aof-rewrite-min-size {rewrite_mb}mb
save ""
maxmemory {maxmemory}
maxmemory-policy noeviction
"""


@dataclass(frozen=True)
class Server:
    """An embedded server, configured but not started."""

    engine: Engine
    folder: Path
    port: int
    password: str

    @property
    def configuration(self) -> Path:
        """The server's configuration file."""
        return self.folder / "server.conf"

    @property
    def log(self) -> Path:
        """What the server says, since the last start."""
        return self.folder / "server.log"

    @property
    def url(self) -> str:
        """The address with the password, for REDIS_URL."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def command(self) -> list[str]:
        """What to run."""
        return [str(self.engine.binary), str(self.configuration)]

    def last_words(self) -> str:
        """The last line that the first run since the launch logged, without process and time; "" when it logged nothing."""
        text = ""
        with suppress(OSError):
            text = self.log.read_text(errors="replace")
        last = first = ""
        for line in filter(str.strip, text.splitlines()):
            head = LOG_HEAD.match(line)
            first = first or (head[1] if head else "")
            if head and head[1] != first:  # another run's process
                break
            last = LOG_HEAD.sub("", line)
        return last


def memory_limit(megabytes: int) -> int:
    """How many bytes of data the server may hold: `megabytes` (EMBEDDED_REDIS_MB), or for 0 a part of the machine's memory."""
    return max(LEAST_BYTES, megabytes * 2**20 if megabytes else int(machine_bytes() * SHARE_OF_MACHINE))


def machine_bytes() -> int:
    """The memory of this machine, or of the container that this process is in if that has less."""
    least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in CGROUP_LIMITS:
        with suppress(OSError, ValueError):
            least = min(least, int(path.read_text()))
    return least


def configure(data_dir: Path, engine: Engine, maxmemory: int) -> Server:
    """Write the engine's configuration with its kept port and password; a server left over from before is stopped.

    At `maxmemory` bytes of data it refuses writes rather than forgetting anything.
    """
    folder = data_dir.resolve() / engine.name
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = Server(engine, folder, *_kept(folder / "server.conf"))
    if kept.port:
        stop_left_over(kept)
    port = kept.port if kept.port and is_free(kept.port) else free_port()
    server = Server(engine, folder, port, kept.password or secrets.token_urlsafe(32))
    text = CONFIGURATION.format(
        port=port, password=server.password, folder=folder, rewrite_mb=REWRITE_MB, maxmemory=maxmemory
    )
    write_private(server.configuration, text)
    server.log.unlink(missing_ok=True)
    return server


def stop_left_over(server: Server) -> None:
    """Shut down a server of ours that survived its launcher. Whoever does not know our password is not ours."""
    client = probing_client(server.url)
    with suppress(RedisError):
        client.ping()
        with suppress(RedisError):  # it closes the connection instead of answering
            client.shutdown(save=False)  # the append-only file is flushed at any shutdown
        deadline = time.monotonic() + STOP_SECONDS
        while not is_free(server.port) and time.monotonic() < deadline:
            pause(0.05)


def wait_until_ready(settings: Settings, alive: Callable[[], bool], patience: float = READY_SECONDS) -> None:
    """Return once the server of REDIS_URL, or the embedded one, answers PING.

    Raises Unavailable when it does not within `patience` seconds, ConfigurationError when it refuses us.
    """
    client = probing_client(settings.redis_url, verify_tls=settings.redis_verify_tls)
    deadline = time.monotonic() + patience
    while True:
        try:
            client.ping()
            return
        except RedisError as error:  # refused, or still loading
            trouble = redis_trouble(error)
            if is_set_up_wrong(error):
                raise ConfigurationError(Text("REDIS_URL: {reason}", reason=trouble.text)) from None
            if not alive() or time.monotonic() > deadline:
                raise Unavailable(
                    Text("Redis does not answer: {error}", error=str(error)), code="redis_unavailable"
                ) from None
        pause(0.02)


def _kept(configuration: Path) -> tuple[int, str]:
    """Port and password of the last start, 0 and "" where there was none."""
    words: dict[str, str] = {}
    with suppress(FileNotFoundError):
        for line in configuration.read_text().splitlines():
            name, _, value = line.partition(" ")
            words[name] = value
    port = words.get("port", "")
    return (int(port) if port.isdigit() else 0), words.get("requirepass", "")
