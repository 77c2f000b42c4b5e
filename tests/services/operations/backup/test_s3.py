"""Backups in a real server that speaks S3."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from launch.ports import free_port
from services.core.errors import FlotillaError
from services.operations.backup.creating import create_backup
from services.operations.backup.restoring import restore_backup
from services.operations.backup.stores import backup_folder, open_store
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account
from tools.servers.ports import wait_for_port


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """rclone's server on a folder with the bucket `backups`."""
    (tmp_path / "s3" / "backups").mkdir(parents=True)
    program = shutil.which("rclone", path=str(Path(sys.executable).parent))
    assert program
    port = free_port()
    arguments = [
        "serve",
        "s3",
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        "anid,asecret",
        str(tmp_path / "s3"),
    ]
    process = subprocess.Popen([program, "--config", "/dev/null", *arguments], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def stored_there(platform: Platform, endpoint: str, **changes: object) -> Platform:
    values = {
        "backup_store": "s3://backups/fleet",
        "backup_store_endpoint": endpoint,
        "backup_store_key_id": SecretStr("anid"),
        "backup_store_secret": SecretStr("asecret"),
        **changes,
    }
    return Platform(platform.settings.model_copy(update=values))


def test_there_and_back(
    platform: Platform, endpoint: str, elsewhere: Callable[..., Platform], tmp_path: Path
) -> None:
    new_account(platform)
    (platform.settings.data_dir / "files" / "1").mkdir(parents=True)
    (platform.settings.data_dir / "files" / "1" / ("c" * 32)).write_bytes(
        bytes(20_000_000)
    )  # in several parts
    here = stored_there(platform, endpoint)
    made = create_backup(here)
    store = open_store(here.settings)
    assert [(one.name, one.size) for one in store.backups()] == [(made.backup.name, made.backup.size)]
    assert list(backup_folder(here.settings).iterdir()) == [], "it lies in the store alone"
    key = SecretStr((here.settings.data_dir / "backup.key").read_text().strip())
    with store.opened(made.backup.name) as file:
        assert restore_backup(elsewhere(backup_key=key), file).files["files"] == 1
    with pytest.raises(FlotillaError) as missing, store.opened(f"flotilla-20260101T000000Z-{'0' * 8}.age"):
        pass
    assert missing.value.code == "backup_not_found"
    store.delete(made.backup.name)
    assert store.backups() == []
    here.database.dispose()


def test_a_wrong_secret_and_an_absent_server_are_named(platform: Platform, endpoint: str) -> None:
    for changes in (
        {"backup_store_secret": SecretStr("wrong")},
        {"backup_store_endpoint": "http://127.0.0.1:9"},
    ):
        place = stored_there(platform, endpoint, **changes)
        with pytest.raises(FlotillaError) as error:
            open_store(place.settings).backups()
        assert error.value.code == "backup_store_away"
        assert "wrong" not in str(error.value)
