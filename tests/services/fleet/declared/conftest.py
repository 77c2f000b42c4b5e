"""An installation with a folder of bots' files, and its first administrator."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import Account
from services.core.settings import Settings
from services.platform.platform import Platform


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty CONFIG_DIR."""
    path = tmp_path / "bots"
    path.mkdir()
    return path


@pytest.fixture
def settings(settings: Settings, folder: Path) -> Settings:
    """An installation that has it."""
    return settings.model_copy(update={"config_dir": folder})


@pytest.fixture
def admin(platform: Platform) -> Account:
    """The oldest administrator, who has bots that name no owner."""
    with platform.database.transaction() as session:
        account = Account(email="admin@example.com", password_hash="-", is_admin=True)
        session.add(account)
    return account
