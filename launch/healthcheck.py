"""`python -m launch.healthcheck [NAME]`: whether this container's process lives, for HEALTHCHECK and liveness probes.

web is asked over HTTP, the others are known by their beats in Redis (`services/queueing/heartbeats.py`), found by this machine's
name. Where Redis does not answer nothing is known of those, and a restart would mend nothing: that counts as alive. Without a
NAME the container's first process says which it is. Exit code 0 alive, 1 not, with one line that says why.

It runs every half minute in each container: so it imports a client of Redis, and not the whole platform with its database.
"""

from __future__ import annotations

import http.client
import socket
import sys
from pathlib import Path
from typing import cast
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from redis import Redis, RedisError

from launch.programs import RELEASE, procfile_commands
from services.core.environment import load_settings
from services.core.errors import ConfigurationError
from services.core.listening import local_address
from services.core.settings import Settings
from services.platform.redis import keys
from services.platform.redis.connection import probing_client

ALIVE_SECONDS = 15.0  # as services/queueing/heartbeats.py has it: three missed beats
ANSWER_SECONDS = 3.0
FIRST_PROCESS = Path("/proc/1/cmdline")


def check(settings: Settings, name: str) -> tuple[bool, str]:
    """Whether the process `name` of this machine lives, and why so."""
    if name == "web":
        return _web_answers(f"http://{local_address(settings)}/health/live")
    try:
        with probing_client(settings.redis_url, verify_tls=settings.redis_verify_tls) as redis:
            age = age_of_beat(redis, f"{name}@{socket.gethostname()}:")
    except RedisError:
        return True, f"{name}: Redis does not answer, so nothing is known; a restart would mend nothing"
    if age is None:
        return False, f"{name}: no beat in the last minute"
    return age <= ALIVE_SECONDS, f"{name}: last beat {age:.1f} s ago"


def age_of_beat(redis: Redis, prefix: str) -> float | None:
    """Seconds since the newest beat of a process whose name begins with `prefix`; None without one. Raises RedisError."""
    beats = cast(list[tuple[bytes, float]], redis.zrange(keys.processes(), 0, -1, withscores=True))
    ours = [at for member, at in beats if member.startswith(prefix.encode())]
    seconds, microseconds = redis.time()
    return max(0.0, seconds + microseconds / 1e6 - max(ours)) if ours else None


def own_name(first_process: bytes) -> str:
    """Which process of the Procfile a command line (parts ended by NUL) is of; "" when of none."""
    parts = first_process.decode(errors="replace").split("\0")
    for name, command in procfile_commands().items():
        if name != RELEASE and command[-1] in parts:
            return name
    return ""


def main(arguments: list[str]) -> int:
    """Exit code 0 when the process lives, 1 when not or when it is not known which to ask for."""
    name = arguments[0] if arguments else own_name(FIRST_PROCESS.read_bytes())
    known = [each for each in procfile_commands() if each != RELEASE]
    if name not in known:
        print(f"usage: python -m launch.healthcheck [{'|'.join(known)}]", file=sys.stderr)
        return 1
    try:
        settings = load_settings()
    except ConfigurationError as error:
        print(error.message, file=sys.stderr)
        return 1
    alive, why = check(settings, name)
    print(why)
    return 0 if alive else 1


def _web_answers(url: str) -> tuple[bool, str]:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=ANSWER_SECONDS):
            return True, "web: /health/live answers"
    except (URLError, OSError, http.client.HTTPException) as error:
        return False, f"web: /health/live does not answer ({error})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
