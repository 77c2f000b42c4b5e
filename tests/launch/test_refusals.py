"""A start that cannot work says why, in one or two lines, and leaves nothing running."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from launch.ports import free_port
from tests.forked import Forked
from tests.launch.installation import ROOT, environment


def refused(data_dir: Path, port: int, **more: str) -> subprocess.CompletedProcess[str]:
    """A launch that ends before it starts anything."""
    return Forked(environment(data_dir, port, **more), "launch").communicate(timeout=30)


def launch(data_dir: Path, port: int, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "launch"],
        cwd=ROOT,
        env=environment(data_dir, port, **more),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "loud"),
        ("PORT", "eighty"),
        ("REDIS_URL", "http://localhost"),
        ("DATABASE_URL", "mysql://localhost"),
        ("DATABASE_URL", "postgresql://localhost:port/flotilla"),
        ("ENCRYPTION_KEYS", "too-short"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    done = refused(tmp_path / "data", free_port(), **{name: value})
    assert done.returncode == 2
    assert f"{name}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_keys_stop_a_start_in_production(tmp_path: Path) -> None:
    done = refused(tmp_path / "data", free_port(), APP_ENV="prod")
    assert done.returncode == 2
    assert "SECRET_KEY: must be set" in done.stderr
    assert "ENCRYPTION_KEYS: must be set" in done.stderr


@pytest.mark.parametrize("module", ["launch", "jobs.worker", "jobs.clock", "jobs.poller", "jobs.programs"])
def test_a_folder_that_cannot_be_written_is_named_in_one_message(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=environment(Path("/proc/nothing"), free_port()),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "DATA_DIR: /proc/nothing cannot be written" in done.stderr
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("address", ["everywhere", "127.0.0.1:8000", "203.0.113.1"])
def test_an_address_that_cannot_be_listened_on_is_named(tmp_path: Path, address: str) -> None:
    done = refused(tmp_path / "data", free_port(), BIND=address)
    assert done.returncode == 2
    assert "BIND: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("networks", ["10.0.0.0/33", "10.0.0.1/8", "proxy.example.com"])
def test_a_proxy_is_named_by_addresses(tmp_path: Path, networks: str) -> None:
    done = refused(tmp_path / "data", free_port(), PROXY_ADDRESSES=networks, TRUSTED_PROXIES="1")
    assert done.returncode == 2
    assert "PROXY_ADDRESSES: " in done.stderr
    assert "Traceback" not in done.stderr


def test_addresses_of_proxies_without_their_number_are_half_a_setting(tmp_path: Path) -> None:
    done = refused(tmp_path / "data", free_port(), PROXY_ADDRESSES="10.0.0.1")
    assert done.returncode == 2
    assert "TRUSTED_PROXIES must say how many" in done.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = launch(tmp_path / "data", port)
    assert done.returncode == 1
    assert f"PORT: {port} cannot be listened on" in done.stderr


def test_a_database_that_does_not_answer_ends_the_start(tmp_path: Path) -> None:
    address = f"postgresql://flotilla:very-secret@127.0.0.1:{free_port()}/flotilla"
    done = launch(tmp_path / "data", free_port(), DATABASE_URL=address)
    assert done.returncode == 1
    assert "The database could not be migrated" in done.stderr
    assert "very-secret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["jobs.worker", "jobs.clock", "jobs.poller", "jobs.programs", "gunicorn"])
def test_a_process_that_knows_no_redis_says_so_once_and_ends(tmp_path: Path, module: str) -> None:
    more = ["-c", "gunicorn.conf.py", "wsgi:app"] if module == "gunicorn" else []
    done = subprocess.run(
        [sys.executable, "-m", module, *more],
        cwd=ROOT,
        env=environment(tmp_path / "data", free_port()),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("REDIS_URL: not set")


def test_a_program_that_cannot_start_ends_the_launch_and_says_why_once(tmp_path: Path) -> None:
    done = launch(tmp_path / "data", free_port(), GUNICORN_CMD_ARGS="--no-such-option")
    assert done.returncode == 1
    assert done.stdout.count("--no-such-option") == 1
    assert done.stderr == "web does not start; see the lines above.\n"


def test_an_embedded_server_that_cannot_read_its_file_is_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "valkey" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("no manifest\n")
    done = launch(tmp_path / "data", free_port())
    assert done.returncode == 1
    assert done.stderr == "The embedded valkey does not start: Invalid AOF manifest file format\n"


def test_a_folder_where_a_file_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "data" / "launch.lock").mkdir(parents=True)
    done = launch(tmp_path / "data", free_port())
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"Flotilla cannot start: [Errno 21] Is a directory: '{tmp_path}/data/launch.lock'"
    ]


def test_a_database_of_a_newer_release_ends_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with sqlite3.connect(data / "flotilla.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    done = launch(data, free_port())
    assert done.returncode == 1
    assert "newer release" in done.stderr
    assert "Traceback" not in done.stderr
