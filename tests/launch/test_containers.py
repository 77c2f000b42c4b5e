"""What a container starts and asks: its entry, its health check, its secrets, its welcome."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from launch import healthcheck, process, welcome
from launch.healthcheck import ALIVE_SECONDS, own_name
from launch.installation_secrets import main as make_secrets_main
from launch.installation_secrets import make_secrets
from launch.ports import free_port
from launch.programs import ROOT, procfile_commands
from services.core.encryption import Vault
from services.core.environment import load_settings
from services.core.key_file import read_or_make_keys
from services.core.settings import Settings
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing import heartbeats
from services.queueing.heartbeats import beat, process_name


def entry(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "launch.process", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def own_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the checks read: this test's Redis and database."""
    values = {
        "REDIS_URL": settings.redis_url,
        "DATABASE_URL": settings.database_url,
        "DATA_DIR": str(settings.data_dir),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_the_entry_becomes_the_command_that_it_is_given_and_ends_as_it_does() -> None:
    done = entry(sys.executable, "-c", "import sys; print('x'); sys.exit(3)")
    assert (done.returncode, done.stdout) == (3, "x\n")


def test_the_entry_says_what_it_could_start() -> None:
    for done in (entry(), entry("wrongly-written")):
        assert done.returncode == process.NOT_FOUND
        assert all(name in done.stderr for name in ("web", "worker", "release"))


@pytest.mark.parametrize("name", ["web", "worker", "clock", "poller", "programs"])
def test_a_process_of_the_procfile_is_known_by_its_command_line(name: str) -> None:
    command = procfile_commands()[name]
    assert own_name("\0".join(["/app/.venv/bin/python", *command, ""]).encode()) == name


@pytest.mark.parametrize("line", ["", "flask\0--app\0wsgi\0db\0upgrade\0", "sh\0"])
def test_another_command_is_none_of_them(line: str) -> None:
    assert own_name(line.encode()) == ""


@pytest.mark.parametrize("arguments", [["release"], ["wrong"]])
def test_a_health_check_of_what_does_not_stay_is_refused(
    arguments: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert healthcheck.main(list(arguments)) == 1
    assert "web|worker" in capsys.readouterr().err


def test_a_process_that_beats_is_alive_and_one_that_ceased_is_not(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_environment(platform.settings, monkeypatch)
    assert ALIVE_SECONDS == heartbeats.ALIVE_SECONDS
    assert healthcheck.main(["worker"]) == 1
    beat(platform, process_name("worker"))
    assert healthcheck.main(["worker"]) == 0
    assert healthcheck.main(["clock"]) == 1
    platform.redis.zincrby(keys.processes(), -(ALIVE_SECONDS + 1), process_name("worker"))
    assert healthcheck.main(["worker"]) == 1


def test_the_beat_of_another_machine_is_not_ours(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    own_environment(platform.settings, monkeypatch)
    beat(platform, f"worker@not-{socket.gethostname()}:1")
    assert healthcheck.main(["worker"]) == 1


def test_without_redis_nothing_is_known_and_nobody_is_restarted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own_environment(settings, monkeypatch)
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    assert healthcheck.main(["worker"]) == 0
    assert "Redis does not answer" in capsys.readouterr().out


def test_a_web_process_that_does_not_answer_is_not_alive(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own_environment(settings, monkeypatch)
    monkeypatch.setenv("PORT", str(free_port()))
    assert healthcheck.main(["web"]) == 1
    assert "does not answer" in capsys.readouterr().out


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("keys", "passwords"):
        (tmp_path / name).mkdir()
    return tmp_path / "keys", tmp_path / "passwords"


def contents(*of: Path) -> dict[str, str]:
    return {path.name: path.read_text() for folder in of for path in folder.iterdir()}


def test_secrets_are_made_once_and_serve_in_production(folders: tuple[Path, Path], tmp_path: Path) -> None:
    own, servers = folders
    assert len(make_secrets(own, servers, tmp_path / "none")) == 8
    first = contents(own, servers)
    assert make_secrets(own, servers, tmp_path / "none") == []
    assert contents(own, servers) == first
    files = {f"{path.name.upper()}_FILE": str(path) for path in own.iterdir()}
    settings = load_settings({"APP_ENV": "prod", "DATA_DIR": str(tmp_path / "data"), **files})
    Vault(tuple(key.get_secret_value() for key in settings.encryption_keys))
    assert f":{first['postgres']}@" in settings.database_url
    assert first["valkey.conf"] == f"requirepass {first['valkey']}\n"
    assert f":{first['valkey']}@" in settings.redis_url


def test_only_flotillas_own_processes_may_read_its_keys(folders: tuple[Path, Path], tmp_path: Path) -> None:
    own, servers = folders
    make_secrets(own, servers, tmp_path / "none")
    assert {path.stat().st_mode & 0o777 for path in own.iterdir()} == {0o400}
    assert {path.stat().st_mode & 0o777 for path in servers.iterdir()} == {0o444}


def test_a_start_that_was_cut_off_goes_on_where_it_ended(folders: tuple[Path, Path], tmp_path: Path) -> None:
    own, servers = folders
    make_secrets(own, servers, tmp_path / "none")
    first = contents(own, servers)
    for path in (own / "database_url", servers / "valkey.conf"):
        path.unlink()
    assert set(make_secrets(own, servers, tmp_path / "none")) == {"database_url", "valkey.conf"}
    assert contents(own, servers) == first


def test_keys_that_make_run_left_are_taken_over(folders: tuple[Path, Path], tmp_path: Path) -> None:
    kept = read_or_make_keys(tmp_path / "keys.json")
    make_secrets(*folders, tmp_path / "keys.json")
    made = contents(folders[0])
    assert made["secret_key"] == kept["secret_key"]
    assert made["encryption_keys"] == ",".join(kept["encryption_keys"])


def test_secrets_that_cannot_be_made_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert make_secrets_main([str(tmp_path / "file"), str(tmp_path / "file")]) == 1
    assert "The secrets cannot be made" in capsys.readouterr().err


def test_the_welcome_shows_the_code_at_the_address_that_people_open(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own_environment(platform.settings, monkeypatch)
    monkeypatch.setenv("ENCRYPTION_KEYS", platform.settings.encryption_keys[0].get_secret_value())
    monkeypatch.setenv("SECRET_KEY", "k" * 40)
    assert welcome.main(["https://flotilla.example.com/"]) == 0
    said = capsys.readouterr().out
    assert "https://flotilla.example.com/setup" in said
    assert "one-time setup code: " in said


def test_two_processes_of_number_one_write_to_different_drafts(tmp_path: Path) -> None:
    """Containers that share DATA_DIR: each of their processes is number 1."""
    script = (
        "import os, sys; os.getpid = lambda: 1\n"
        "from pathlib import Path\n"
        "from services.core.key_file import read_or_make_keys\n"
        "import json; print(json.dumps(read_or_make_keys(Path(sys.argv[1]))))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "keys.json")]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ}) for _ in range(4)
    ]
    told = [json.loads(each.communicate()[0]) for each in started]
    assert all(keys == told[0] for keys in told)
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]
