"""Damaged, wrong and foreign backups: each is refused by name, and nothing was touched."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pyrage  # type: ignore[import-untyped]
import pytest
from pydantic import SecretStr

from services.core.errors import FlotillaError
from services.operations.backup.creating import create_backup
from services.operations.backup.keys import new_key
from services.operations.backup.restoring import restore_backup
from services.operations.backup.stores import FolderStore, backup_folder
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account

Change = Callable[[bytes], bytes]
Edit = Callable[[dict[str, bytes]], object]


def cut(share: float) -> Change:
    return lambda data: data[: int(len(data) * share)]


def flipped(share: float) -> Change:
    def change(data: bytes) -> bytes:
        at = int(len(data) * share)
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return change


RAW: dict[str, tuple[Change, str]] = {
    "empty": (lambda data: b"", "backup_foreign"),
    "text": (lambda data: b"no backup\n" * 100, "backup_foreign"),
    "zip": (lambda data: b"PK\x03\x04" + data, "backup_foreign"),
    "beginning gone": (lambda data: data[64:], "backup_foreign"),
    "cut in the header": (lambda data: data[:100], "backup_damaged"),
    "cut after the header": (lambda data: data[:220], "backup_damaged"),
    "cut in the middle": (cut(0.5), "backup_damaged"),
    "last byte gone": (lambda data: data[:-1], "backup_damaged"),
    "one byte more": (lambda data: data + b"x", "backup_damaged"),
    "a bit at a third": (flipped(0.33), "backup_damaged"),
    "a bit near the end": (flipped(0.99), "backup_damaged"),
    "zeros at the end": (lambda data: data[:-4096] + bytes(4096), "backup_damaged"),
    "twice": (lambda data: data + data, "backup_damaged"),
}


def _header(**changes: Any) -> Edit:
    def edit(files: dict[str, bytes]) -> None:
        files["header.json"] = json.dumps({**json.loads(files["header.json"]), **changes}).encode()

    return edit


INSIDE: dict[str, tuple[Edit, str]] = {
    "newer schema": (_header(schema="9999"), "backup_newer_schema"),
    "no schema": (_header(schema=None), "backup_newer_schema"),
    "newer format": (_header(format=99), "backup_newer_format"),
    "another kind of database": (_header(database="postgresql"), "backup_other_database"),
    "tokens of others": (_header(sealed="gAAAAA"), "backup_other_encryption_keys"),
    "no manifest": (lambda files: files.pop("manifest.json"), "backup_damaged"),
    "no header": (lambda files: files.pop("header.json"), "backup_damaged"),
    "a part gone": (lambda files: files.pop("redis"), "backup_damaged"),
    "a part changed": (lambda files: files.update(redis=b"x"), "backup_damaged"),
    "a way out": (lambda files: files.update({"files/../../evil": b"x"}), "backup_damaged"),
    "an absolute name": (lambda files: files.update({"/evil": b"x"}), "backup_damaged"),
    "no archive": (lambda files: files.clear(), "backup_damaged"),
}


@pytest.fixture
def backup(platform: Platform) -> bytes:
    new_account(platform)
    (platform.settings.data_dir / "files" / "1").mkdir(parents=True)
    (platform.settings.data_dir / "files" / "1" / ("b" * 32)).write_bytes(b"an upload")
    made = create_backup(platform)
    with FolderStore(backup_folder(platform.settings)).opened(made.backup.name) as file:
        return file.read()


@pytest.fixture
def there(
    platform: Platform, backup: bytes, elsewhere: Callable[..., Platform], key_in_common: str
) -> Platform:
    return elsewhere(backup_key=SecretStr(key_in_common))


def refused(platform: Platform, data: bytes) -> str:
    """The code it is refused with; the place is as empty as before."""
    with pytest.raises(FlotillaError) as error:
        restore_backup(platform, BytesIO(data))
    assert not (platform.settings.data_dir / "new.db").exists() or not _filled(platform)
    assert platform.redis.dbsize() == 0
    left = {path.name for path in platform.settings.data_dir.iterdir()}
    assert left <= {"launch.lock", "new.db", "new.db-wal", "new.db-shm"}, left
    return error.value.code


def _filled(platform: Platform) -> bool:
    from services.operations.backup.restoring import has_accounts  # noqa: PLC0415

    return has_accounts(platform.database)


def test_damaged_and_foreign_files(there: Platform, backup: bytes) -> None:
    found = {name: refused(there, change(backup)) for name, (change, _) in RAW.items()}
    assert found == {name: code for name, (_, code) in RAW.items()}


def test_well_encrypted_but_wrong_inside(there: Platform, backup: bytes, key_in_common: str) -> None:
    """Whoever knows the public half of the key can make such."""
    identity = pyrage.x25519.Identity.from_str(key_in_common)
    plain = pyrage.decrypt(backup, [identity])
    found = {}
    for name, (edit, _) in INSIDE.items():
        with tarfile.open(fileobj=BytesIO(plain), mode="r:gz") as tar:
            files = {each.name: tar.extractfile(each).read() for each in tar.getmembers()}  # type: ignore[union-attr]
        note = files.get("manifest.json", b"")
        edit(files)
        if note in files.values() and "manifest.json" in files:
            files["manifest.json"] = files.pop("manifest.json")  # last
        found[name] = refused(there, pyrage.encrypt(_packed(files), [identity.to_public()]))
    assert found == {name: code for name, (_, code) in INSIDE.items()}


def test_other_keys(
    platform: Platform, backup: bytes, elsewhere: Callable[..., Platform], key_in_common: str
) -> None:
    assert refused(elsewhere(backup_key=SecretStr(new_key())), backup) == "backup_wrong_key"
    assert refused(elsewhere(backup_key=SecretStr("nonsense")), backup) == "backup_key_malformed"
    others = (SecretStr("b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgISE="),)
    place = elsewhere(backup_key=SecretStr(key_in_common), encryption_keys=others)
    assert refused(place, backup) == "backup_other_encryption_keys"


def test_an_installation_that_is_there_stays(platform: Platform, backup: bytes) -> None:
    with pytest.raises(FlotillaError) as error:
        restore_backup(platform, BytesIO(backup))
    assert error.value.code == "restore_target_not_empty"
    assert _filled(platform)
    assert restore_backup(platform, BytesIO(backup), replace=True).files["files"] == 1
    assert _filled(platform)


def test_a_running_one_is_left_alone(there: Platform, backup: bytes) -> None:
    import fcntl  # noqa: PLC0415

    with (there.settings.data_dir / "launch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FlotillaError) as error:
            restore_backup(there, BytesIO(backup), replace=True)
    assert error.value.code == "restore_while_running"


def _packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, BytesIO(data))
    return out.getvalue()


def test_folder_of_paths(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    assert FolderStore(tmp_path).backups() == []
