"""One installation as `make run` starts it, looked at from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from launch import valkey
from launch.ports import free_port
from tests.launch.installation import ROOT, Installation, descendants, running, wait_until

PROCESSES = ("wsgi:app", "jobs.worker", "jobs.clock", "jobs.poller", "jobs.programs")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("launch") / "data", free_port()) as installation:
        yield installation


def test_the_web_process_answers_and_the_console_says_where(installation: Installation) -> None:
    with urlopen(f"http://127.0.0.1:{installation.port}/health/live", timeout=5) as answer:
        assert answer.status == 200
    assert f"http://127.0.0.1:{installation.port}/panel" in installation.output()


def test_the_setup_code_is_shown_while_there_is_no_account(installation: Installation) -> None:
    assert re.search(r"│  one-time setup code: \S+ +│", installation.output())


def test_all_processes_of_the_procfile_run(installation: Installation) -> None:
    wait_until(lambda: None not in map(installation.pid_of, PROCESSES), 10, "all processes")


def test_data_dir_and_its_secrets_are_private(installation: Installation) -> None:
    data_dir = installation.data_dir
    assert mode(data_dir) == 0o700
    for name in (
        "keys.json",
        "redis.url",
        "flotilla.db",
        "valkey/server.conf",
        "supervisor/supervisord.conf",
    ):
        assert mode(data_dir / name) == 0o600, name


def test_no_secret_is_on_a_command_line_or_in_the_supervisors_configuration(
    installation: Installation,
) -> None:
    password = redis_url(installation).split("@")[0].rpartition(":")[2]
    keys = json.loads((installation.data_dir / "keys.json").read_text())
    lines = [
        Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in descendants(installation.process.pid)
    ]
    shown = "\n".join([*lines, (installation.data_dir / "supervisor/supervisord.conf").read_text()])
    assert len(password) > 20
    for secret in (password, keys["secret_key"], *keys["encryption_keys"]):
        assert secret not in shown
        assert secret not in installation.output()


def test_the_command_line_works_beside_it(installation: Installation) -> None:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    done = subprocess.run(
        command, cwd=ROOT, env=installation.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "up to date" in done.stdout


def test_a_second_start_with_the_same_data_dir_is_refused(installation: Installation) -> None:
    second = Installation(installation.data_dir, free_port())
    assert second.process.wait(20) == 1
    assert f"already running with DATA_DIR={installation.data_dir}" in second.output()
    assert f"process {installation.process.pid}" in second.output()
    assert Redis.from_url(redis_url(installation)).ping()


@pytest.mark.parametrize("words", PROCESSES)
def test_a_killed_process_is_started_again(installation: Installation, words: str) -> None:
    wait_until(lambda: installation.pid_of(words) is not None, 10, words)
    killed = installation.pid_of(words)
    assert killed
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: installation.pid_of(words) not in (None, killed), 10, f"{words} again")


def test_what_was_written_survives_the_death_of_the_embedded_server(installation: Installation) -> None:
    client = Redis.from_url(redis_url(installation), decode_responses=True)
    client.set("kept", "yes")
    time.sleep(1.5)  # appendfsync everysec
    killed = installation.pid_of("valkey-server")
    assert killed
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: installation.pid_of("valkey-server") not in (None, killed), 10, "Valkey again")
    wait_until(lambda: answers(client), 10, "PING")
    assert client.get("kept") == "yes"


def test_the_embedded_server_refuses_writes_rather_than_forgetting(installation: Installation) -> None:
    client = Redis.from_url(redis_url(installation), decode_responses=True)
    wait_until(lambda: answers(client), 10, "PING")
    settings = client.config_get(
        "maxmemory-policy", "appendonly", "appendfsync", "bind", "auto-aof-rewrite-min-size"
    )
    assert int(str(client.config_get("maxmemory")["maxmemory"])) == valkey.memory_limit(0)
    assert settings == {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "bind": "127.0.0.1",
        "auto-aof-rewrite-min-size": str(valkey.REWRITE_MB * 2**20),
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def redis_url(installation: Installation) -> str:
    return (installation.data_dir / "redis.url").read_text().strip()


def answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisConnectionError:
        return False
