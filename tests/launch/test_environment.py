"""What the launcher takes from its surroundings."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launch import command as launcher
from launch.demo import demo_plan
from services.core.secret_files import is_given


@pytest.fixture(autouse=True)
def _no_file_and_no_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "ROOT", tmp_path)
    monkeypatch.delenv("LOG_FORMAT", raising=False)
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    monkeypatch.delenv("FLASK_SKIP_DOTENV", raising=False)


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output is a terminal. Not a fixture: pytest sets standard output anew between those and the test."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "w") as output, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        yield


def test_at_a_terminal_the_log_is_warnings_in_text(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch):
        environment = launcher.environment()
    assert (environment["LOG_FORMAT"], environment["LOG_LEVEL"]) == ("text", "WARNING")


def test_what_env_and_environment_say_wins_over_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("LOG_FORMAT=json\n")
    with terminal(monkeypatch):
        assert launcher.environment()["LOG_FORMAT"] == "json"
        monkeypatch.setenv("LOG_FORMAT", "from-outside")
        assert launcher.environment()["LOG_FORMAT"] == "from-outside"


def test_a_demo_reaches_nothing_that_a_file_names_either(tmp_path: Path) -> None:
    real = {
        f"{name}_FILE": "/run/secrets/real" for name in ("DATABASE_URL", "DB_URL", "REDIS_URL", "SMTP_URL")
    }
    environ = demo_plan({**real, "ADMIN_BOT_TOKEN": "real", "DATA_DIR": str(tmp_path / "demo")}).environ
    assert not environ.keys() & {*real, "ADMIN_BOT_TOKEN"}


def test_a_redis_whose_address_is_in_a_file_is_not_one_to_embed() -> None:
    assert is_given({"REDIS_URL_FILE": "/run/secrets/redis_url"}, "REDIS_URL")
    assert not is_given({"REDIS_URL_FILE": "", "REDIS_URL": ""}, "REDIS_URL")


def test_elsewhere_the_log_is_what_the_settings_say() -> None:
    assert "LOG_FORMAT" not in launcher.environment()
