"""The compose files: sound by the specification's schema, hardened throughout, each name in them one that exists.

Docker is not needed: `make image-check` plays them.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from launch.installation_secrets import DATABASE_HOST, REDIS_HOST, make_secrets
from launch.programs import procfile_commands
from launch.valkey import REWRITE_MB
from services.core.environment import own_names
from services.core.settings import Settings
from tools.image_check import compose
from tools.image_check.compose import BASE, OVERLAY, ROOT, MissingVariable, load, production

SCHEMAS = Path(__file__).parent / "schemas"
SCHEMA = json.loads((SCHEMAS / "compose-spec.json").read_text())
HOST = {"FLOTILLA_HOST": "flotilla.example.com"}
ALONE: dict[str, Any] = load(BASE, {})
SERVED: dict[str, Any] = production(HOST)
ONCE = {"keys", "release", "welcome"}
SERVERS = {"postgres", "valkey", "caddy"}
PROCESSES = set(procfile_commands()) - {"release"}
BOTH = [(kind, name) for kind, whole in (("alone", ALONE), ("served", SERVED)) for name in whole["services"]]


def service(kind: str, name: str) -> dict[str, Any]:
    return dict((ALONE if kind == "alone" else SERVED)["services"][name])


@pytest.mark.parametrize("whole", [ALONE, SERVED], ids=["alone", "served"])
def test_the_schema_of_the_specification_accepts_them(whole: dict[str, Any]) -> None:
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(whole)] == []


def test_the_schema_is_the_one_that_its_note_names() -> None:
    told = (SCHEMAS / "VENDORED.md").read_text()
    assert sha256((SCHEMAS / "compose-spec.json").read_bytes()).hexdigest() in told


def test_the_schema_refuses_what_is_wrong() -> None:
    wrong = {**ALONE, "services": {"web": {"imagee": "flotilla", "read_only": 7}}}
    assert len(list(Draft202012Validator(SCHEMA).iter_errors(wrong))) == 2


@pytest.mark.parametrize(("kind", "name"), BOTH)
def test_every_container_is_shut_in(kind: str, name: str) -> None:
    held = service(kind, name)
    assert held["read_only"] is True
    assert held["cap_drop"] == ["ALL"]
    assert held["security_opt"] == ["no-new-privileges:true"]
    assert set(held["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert not held.get("privileged")
    assert held.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])


def test_every_process_of_the_procfile_runs_by_its_name() -> None:
    for name in PROCESSES:
        assert ALONE["services"][name]["command"] == [name]
        assert ALONE["services"][name]["healthcheck"]["test"][-2:] == ["launch.healthcheck", name]
    assert ALONE["services"]["release"]["command"] == ["release"]
    assert set(SERVED["services"]) == PROCESSES | ONCE | SERVERS


def test_each_waits_for_what_it_needs() -> None:
    ready = {"postgres": "service_healthy", "valkey": "service_healthy"}
    for name in PROCESSES:
        waits = {
            other: condition["condition"]
            for other, condition in ALONE["services"][name]["depends_on"].items()
        }
        assert waits == {**ready, "release": "service_completed_successfully"}
    for name in ready:
        assert ALONE["services"][name]["depends_on"]["keys"]["condition"] == "service_completed_successfully"
        assert ALONE["services"][name]["healthcheck"]["test"]


def test_alone_only_this_machine_reaches_the_panel_and_nothing_the_servers() -> None:
    published = {name: held["ports"] for name, held in ALONE["services"].items() if held.get("ports")}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_on_a_server_only_caddy_is_reached() -> None:
    published = {name: held["ports"] for name, held in SERVED["services"].items() if held.get("ports")}
    assert published == {"caddy": ["80:80", "443:443", "443:443/udp"]}
    assert SERVED["networks"]["servers"] == {"internal": True}
    assert all(SERVED["services"][name]["networks"] == ["servers"] for name in ("postgres", "valkey"))
    assert SERVED["services"]["caddy"]["networks"] == ["default"]


def test_on_a_server_everything_that_stays_is_started_again_and_limited() -> None:
    for name in PROCESSES | SERVERS:
        held = SERVED["services"][name]
        assert held["restart"] == "always"
        assert held["deploy"]["resources"]["limits"] == {"cpus": "2", "memory": "1G"}
    for name in ONCE:
        assert SERVED["services"][name]["restart"] == "no"


def test_on_a_server_it_is_production_behind_one_proxy() -> None:
    for name in PROCESSES | {"release", "welcome"}:
        environ = SERVED["services"][name]["environment"]
        assert (environ["APP_ENV"], environ["TRUSTED_PROXIES"]) == ("prod", "1")
        assert environ["PUBLIC_URL"] == environ["WEBHOOK_BASE_URL"] == "https://flotilla.example.com"


def test_a_server_needs_its_name() -> None:
    with pytest.raises(MissingVariable, match="FLOTILLA_HOST: the public name"):
        load(OVERLAY, {})


@pytest.mark.parametrize(("kind", "name"), [each for each in BOTH if each[1] not in SERVERS | {"keys"}])
def test_each_variable_of_a_process_is_a_setting(kind: str, name: str) -> None:
    assert set(service(kind, name)["environment"]) <= own_names()


def test_no_secret_stands_in_the_files() -> None:
    for path in (BASE, OVERLAY, ROOT / "Dockerfile", ROOT / "deploy/Caddyfile"):
        for line in path.read_text().splitlines():
            found = re.search(
                r"(?i)\b(\w*(?:password|secret_key|token|encryption_keys)\w*)\s*[:=]\s*(\S+)", line
            )
            assert found is None or found[1].endswith("_FILE") or found[1] == "passwords", line


def test_the_files_of_secrets_are_those_that_are_made(tmp_path: Path) -> None:
    for folder in ("keys", "passwords"):
        (tmp_path / folder).mkdir()
    make_secrets(tmp_path / "keys", tmp_path / "passwords", tmp_path / "none")
    environ = ALONE["services"]["web"]["environment"]
    named = {value for variable, value in environ.items() if variable.endswith("_FILE") and value}
    assert named == {f"/keys/{path.name}" for path in (tmp_path / "keys").iterdir()}
    assert ALONE["services"]["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"] == "/passwords/postgres"
    assert "/passwords/valkey.conf" in ALONE["services"]["valkey"]["command"]
    assert {DATABASE_HOST, REDIS_HOST} <= set(ALONE["services"])


def test_valkey_forgets_nothing() -> None:
    command = ALONE["services"]["valkey"]["command"]
    options = dict(zip(command[2::2], command[3::2], strict=True))
    assert (options["--appendonly"], options["--appendfsync"]) == ("yes", "everysec")
    assert options["--auto-aof-rewrite-min-size"] == f"{REWRITE_MB}mb"
    assert (options["--maxmemory-policy"], options["--save"]) == ("noeviction", "")


def test_the_database_takes_the_connections_of_all_processes() -> None:
    environ = ALONE["services"]["web"]["environment"]
    each = int(environ["DB_POOL_SIZE"]) + int(environ["DB_MAX_OVERFLOW"])
    [most] = re.findall(r"max_connections=(\d+)", " ".join(ALONE["services"]["postgres"]["command"]))
    assert each * (len(PROCESSES) + 1) <= int(most)
    assert Settings.model_fields["db_pool_size"].default > int(environ["DB_POOL_SIZE"])


def test_an_overlay_is_laid_over_by_the_rules_of_compose() -> None:
    base = {"a": {"list": [1], "command": ["x"], "gone": 1, "kept": 1}}
    over = {"a": {"list": [2], "command": ["y"], "gone": compose.RESET}, "b": 2}
    assert compose.merged(base, over) == {"a": {"list": [1, 2], "command": ["y"], "kept": 1}, "b": 2}
