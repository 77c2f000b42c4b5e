"""The Dockerfile is linted always; what an image may not hold is found where it is planted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from launch.programs import procfile_commands
from tools.image_check.builder import Image
from tools.image_check.compose import ROOT
from tools.image_check.contents import faults

HADOLINT = Path(sys.executable).parent / "hadolint"
CONFIGURATION = {"User": "10001:10001", "Healthcheck": {"Test": ["CMD", "python"]}}


def test_hadolint_has_nothing_to_say_of_the_dockerfile() -> None:
    done = subprocess.run([HADOLINT, "--no-color", "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_reads_what_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN sudo apt-get install gcc\n")
    done = subprocess.run([HADOLINT, tmp_path / "Dockerfile"], capture_output=True, text=True)
    assert "DL3004" in done.stdout
    assert done.returncode == 1


def test_only_named_files_are_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().split()
    rules = [line for line in lines if line.startswith(("!", "*"))]
    assert rules[0] == "*"
    let_in = {line[1:] for line in rules if line.startswith("!")}
    assert all((ROOT / name).exists() for name in let_in)
    assert not let_in & {".env", ".git", "secrets", "tests", "tools", "instance"}
    assert {"**/.env*", "**/__pycache__"} <= set(rules)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of an image in which nothing is wrong."""
    for folder in ("usr/bin", "app/.venv/bin", "data", "root"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("psql", "pg_dump", "pg_restore"):
        (tmp_path / "usr/bin" / name).touch()
    return tmp_path


def test_an_image_as_it_should_be_has_no_fault(root: Path) -> None:
    assert faults(Image(root, 0, CONFIGURATION)) == []


@pytest.mark.parametrize(
    ("path", "mode", "fault"),
    [
        ("usr/bin/gcc", 0o755, "gcc is in the image"),
        ("root/.cache/pip/wheel", 0o600, "/root/.cache is left"),
        ("app/.venv/bin/pip", 0o755, "pip is left in the environment"),
        ("app/.env", 0o600, "/app/.env came into the image"),
        ("usr/bin/su", 0o4755, "/usr/bin/su raises rights"),
        ("app/app.py", 0o666, "/app/app.py can be changed by the image's user"),
    ],
)
def test_a_fault_of_an_image_is_named(path: str, mode: int, fault: str, root: Path) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("x")
    (root / path).chmod(mode)
    assert faults(Image(root, 0, CONFIGURATION)) == [fault]


def test_an_image_of_root_without_a_health_check_or_a_client_of_postgresql_is_faulty(root: Path) -> None:
    (root / "usr/bin/pg_dump").unlink()
    assert faults(Image(root, 0, {"User": ""})) == [
        "pg_dump is missing",
        "the image's user is not the fixed one",
        "no health check",
    ]


def test_the_image_starts_every_process_of_the_procfile_by_its_name() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["python", "-m", "launch.process"]' in text
    [told] = [line for line in text.splitlines() if line.startswith("# web, worker")]
    assert all(name in told for name in procfile_commands())
