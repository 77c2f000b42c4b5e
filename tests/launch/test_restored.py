"""An installation that came out of a backup starts with its embedded Valkey, and its links lead on."""

from __future__ import annotations

import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

from launch.ports import free_port
from services.operations.backup.creating import create_backup
from services.operations.backup.stores import backup_folder
from services.platform.platform import Platform
from tests.launch.installation import ROOT, environment, running, wait_until
from tests.services.fleet.pools.fleet import new_account, new_pool


def test_a_restored_installation_starts_and_redirects(platform: Platform, tmp_path: Path) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 2)
    with platform.database.transaction() as session:
        for member in session.merge(pool).members:
            member.bot.sealed_token = platform.vault.seal("1:x", owner=f"bot:{member.bot_id}")
    file = backup_folder(platform.settings) / create_backup(platform).backup.name
    data_dir, port = tmp_path / "fresh", free_port()
    keys = {
        "ENCRYPTION_KEYS": platform.settings.encryption_keys[0].get_secret_value(),
        "BACKUP_KEY": (platform.settings.data_dir / "backup.key").read_text().strip(),
        "PLUGINS_DIR": str(tmp_path / "custom"),
        "CONFIG_DIR": str(tmp_path / "bots"),
    }
    restored = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "backup", "restore", str(file)],
        cwd=ROOT,
        env=environment(data_dir, port, **keys),
        capture_output=True,
        text=True,
        check=False,
    )
    assert restored.returncode == 0, restored.stderr
    assert (data_dir / "valkey").is_dir(), "no REDIS_URL: it is the embedded one that was filled"
    with running(data_dir, port, **keys):
        wait_until(
            lambda: answer(port, "/health/ready")[0] == 200, 20, lambda: str(answer(port, "/health/ready"))
        )
        status, location = answer(port, f"/go/{pool.slug}")
        assert status == 302
        assert location.startswith("https://t.me/")


def answer(port: int, path: str) -> tuple[int, str]:
    """Status, and where it leads or what it says."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers={"User-Agent": "Mozilla/5.0"})
    with connection.getresponse() as response:
        return response.status, response.headers.get("Location") or response.read().decode()
