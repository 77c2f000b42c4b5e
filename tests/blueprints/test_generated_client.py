"""A client that a generator made of the document: it reads everything, and changes what it is told and nothing else."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from blueprints.api.openapi import openapi
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, make_account, make_key
from tests.services.fleet.pools.fleet import new_bot
from tools.api_client import change_one_field

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "build" / "api-client-venv" / "bin"
GENERATOR = PROGRAMS / "openapi-python-client"
TOOLS = ROOT / "tools" / "api_client"

pytestmark = pytest.mark.skipif(
    not GENERATOR.exists(), reason="the generator is not here: `make api-client` installs it and runs this"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the client is made."""
    return tmp_path_factory.mktemp("client")


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the application answers."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


def run(*command: str | Path, **environ: str) -> str:
    finished = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


def generate(document: dict[str, Any], folder: Path) -> str:
    """Make the client in `folder`; what the generator has to say."""
    source = folder / "openapi.json"
    source.write_text(json.dumps(document))
    target = folder / change_one_field.PACKAGE
    options = ("--meta", "none", "--config", TOOLS / "generator.yml", "--overwrite", "--fail-on-warning")
    return run(GENERATOR, "generate", "--path", source, "--output-path", target, *options)


def test_a_generated_client_changes_one_field_and_reads_everything_else_untouched(
    app: Flask, platform: Platform, address: str, folder: Path
) -> None:
    account = make_account(platform)
    bot = new_bot(platform, caller_of(account))
    key = make_key(platform, account)["Authorization"].removeprefix("Bearer ")
    assert "WARNING" not in generate(openapi(app), folder)
    program = TOOLS / "change_one_field.py"
    told = json.loads(
        run(PROGRAMS / "python", program, address, bot.public_id, API_KEY=key, PYTHONPATH=str(folder))
    )
    before, drained, renamed = told["before"], told["drained"], told["renamed"]
    (member,), (afterwards,) = before.pop("members"), drained.pop("members")
    assert {**member, **change_one_field.MEMBER} == member
    assert {**before, **change_one_field.POOL} == before
    assert (changed(member, afterwards), changed(before, drained)) == ({"draining"}, set())
    renamed.pop("members")
    assert changed(drained, renamed) == {"name"}
    assert [pool["name"] for pool in told["listed"]] == ["Blue"]


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The fields that differ, but for the time of the change itself."""
    return {name for name in before if before[name] != after[name]} - {"updated_at"}
