"""What the clock rings for makes a backup: a worker's job starts the real command in a process of its own."""

from __future__ import annotations

import pytest

from services.core.settings import Settings
from services.operations.backup.reports import backup_report
from services.operations.backup.schedule import wake_due
from services.operations.backup.stores import FolderStore, backup_folder
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName
from tests.launch.installation import wait_until
from tools.servers.fleet import worker_process


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Folders of plugins and YAML beside DATA_DIR instead of the project's."""
    folder = settings.data_dir
    return settings.model_copy(update={"plugins_dir": folder / "custom", "config_dir": folder / "bots"})


def test_the_job_of_the_clock_leaves_a_backup_and_its_report(platform: Platform) -> None:
    assert wake_due(platform) == [JobName.MAKE_BACKUP]
    with worker_process(platform.settings) as worker:
        # It gives way to everything else on the machine, and tests that run beside this one leave it little.
        wait_until(lambda: backup_report(platform).last_success, 90, lambda: worker.log)
        assert worker.terminate() == 0
    report = backup_report(platform)
    (listed,) = FolderStore(backup_folder(platform.settings)).backups()
    assert (report.last_name, report.last_size, report.failure_code) == (listed.name, listed.size, "")
    assert listed.size > 0
