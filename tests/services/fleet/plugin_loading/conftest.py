"""A process with a folder of plugins of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.core.settings import Settings
from services.fleet import plugin_catalogue
from services.fleet.plugin_loading.trial import Trial
from services.platform.platform import Platform
from tests.services.fleet.plugin_loading.authors import Authors, ThisProcess


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty PLUGINS_DIR."""
    path = tmp_path / "plugins dir"
    path.mkdir()
    return path


@pytest.fixture
def settings(settings: Settings, folder: Path) -> Settings:
    """An installation that has it."""
    return settings.model_copy(update={"plugins_dir": folder, "user_rate_per_minute": 0.0})


@pytest.fixture
def authors(folder: Path) -> Authors:
    """Who writes plugins into it."""
    return Authors(folder)


@pytest.fixture(scope="session")
def trial() -> Iterator[Trial]:
    """The process that tries versions, one for the whole run."""
    shared = Trial()
    yield shared
    shared.close()


@pytest.fixture
def process(platform: Platform, trial: Trial) -> Iterator[ThisProcess]:
    """This process as a worker that watches the folder, one turn at a time; its catalogue is put back afterwards."""
    before = plugin_catalogue.catalogue()
    yield ThisProcess(platform, trial)
    plugin_catalogue.swap(before)
