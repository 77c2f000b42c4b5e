"""Lua in files: each compiles in a real Valkey, is used, says what it takes, and runs wherever the process was started."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import ResponseError

from launch.programs import ROOT
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce
from services.platform.redis.leases import Lease
from services.platform.redis.scripts import FOLDER, INCLUDE, Script, load
from tests.architecture.source import Source, product

SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.lua"))
FRAGMENTS = sorted(path.stem for path in (FOLDER / "fragments").glob("*.lua"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_compiles_in_a_real_server_under_the_sha_that_it_is_called_by(
    platform: Platform, name: str
) -> None:
    script = load(name)
    assert platform.redis.script_load(script.text) == script.sha


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_head_of_a_script_names_its_keys_and_arguments(name: str) -> None:
    lines = (FOLDER / f"{name}.lua").read_text().removeprefix("#!lua\n").splitlines()
    head = lines[: next(n for n, line in enumerate(lines) if not line.startswith("--"))]
    body = "\n".join(lines[len(head) :])
    for word in ("KEYS", "ARGV"):
        assert (word in body) is any(re.search(rf"\b{word}\b.*:", line) for line in head), word


def test_every_script_is_loaded_by_the_product_and_every_fragment_is_part_of_one() -> None:
    loaded = {name for source in product() for name in _loaded_by(source)}
    assert loaded == set(SCRIPTS)
    included = {name for each in SCRIPTS for name in INCLUDE.findall((FOLDER / f"{each}.lua").read_text())}
    assert included == set(FRAGMENTS)


def test_no_python_file_holds_a_script() -> None:
    assert [source.name for source in product() if "redis.call" in source.text] == []


def test_a_missing_file_is_an_error_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.platform.redis.scripts.FOLDER", tmp_path)
    (tmp_path / "half.lua").write_text("-- include: nowhere\nreturn 1\n")
    for name in ("nothing", "half"):
        with pytest.raises(FileNotFoundError):
            load(name)


def test_a_server_that_forgot_a_script_is_sent_it_again(platform: Platform) -> None:
    first = Lease.take(platform.redis, "x", ttl_seconds=5)
    assert first is not None
    platform.redis.script_flush()
    assert first.renew()
    assert Lease.take(platform.redis, "x", ttl_seconds=5) is None


def test_a_known_script_travels_as_its_sha_alone(platform: Platform) -> None:
    announce(platform.redis, Topic.BOT, 1)
    before = _calls(platform)
    announce(platform.redis, Topic.BOT, 2)
    after = _calls(platform)
    assert after["evalsha"] == before["evalsha"] + 1
    assert after.get("eval") == before.get("eval")
    assert int(platform.redis.get(keys.changes_generation()) or 0) == 2


def test_an_error_in_a_script_is_not_taken_for_a_missing_one(platform: Platform) -> None:
    broken = Script("redis.call('INCR', KEYS[1]) return redis.call('GET', KEYS[1], 'one too many')")
    for count in (1, 2):
        with pytest.raises(ResponseError):
            broken(platform.redis, ["x"], [])
        assert platform.redis.get("x") == str(count), "it ran once a call"


def test_scripts_are_found_from_any_working_directory(platform: Platform, tmp_path: Path) -> None:
    program = (
        "import sys; from redis import Redis; from services.platform.redis.leases import Lease;"
        "print(bool(Lease.take(Redis.from_url(sys.argv[1], decode_responses=True), 'x', ttl_seconds=5)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, platform.settings.redis_url],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "True"
    assert platform.redis.exists(keys.lease("x"))


def _loaded_by(source: Source) -> Iterator[str]:
    for node in source.nodes:
        match node:
            case ast.Call(func=ast.Name(id="load"), args=[ast.Constant(value=str(name))]):
                yield name


def _calls(platform: Platform) -> dict[str, int]:
    found = platform.redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(each["calls"]) for name, each in found.items()}
