"""`flask accounts` and `flask keys` as an administrator runs them: a process of its own beside the web."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import create_app
from services.core.settings import Settings
from services.platform.accounts.accounts import command_principal, create_account, list_accounts
from services.platform.accounts.api_keys import create_key, list_keys, resolve_key
from services.platform.accounts.principal import Scope
from services.platform.accounts.sessions import authenticate, resume_session
from services.platform.platform import Platform
from tests.commands.running import flask, forked_flask

PASSWORD = "correct horse battery"


def test_an_account_made_by_command_signs_in(platform: Platform) -> None:
    result = flask(
        platform.settings, "accounts", "create", "Boss@example.com", "--password", PASSWORD, "--admin"
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert [(row.email, row.is_admin) for row in list_accounts(platform)] == [("boss@example.com", True)]
    assert authenticate(platform, "boss@example.com", PASSWORD, "", "")


def test_without_a_terminal_a_password_is_made_and_printed(platform: Platform) -> None:
    runner = create_app(platform).test_cli_runner()
    result = runner.invoke(args=["accounts", "create", "owner@example.com"])
    password = result.stdout.split("password: ")[1].strip()
    assert authenticate(platform, "owner@example.com", password, "", "")


def test_a_forgotten_password_is_replaced_and_its_sessions_end(platform: Platform) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    secret = authenticate(platform, "owner@example.com", PASSWORD, "", "")
    assert isinstance(secret, str)
    runner = create_app(platform).test_cli_runner()
    result = runner.invoke(
        args=["accounts", "password", "owner@example.com", "--password", "another good one"]
    )
    assert (result.exit_code, "another" in result.stdout) == (0, False)
    assert resume_session(platform, secret, "") is None
    assert authenticate(platform, "owner@example.com", "another good one", "", "")


@pytest.mark.parametrize("options", [[], ["--end-keys"]])
def test_api_keys_end_with_a_forgotten_password_when_that_is_asked_for(
    platform: Platform, options: list[str]
) -> None:
    owner = command_principal(create_account(platform, "owner@example.com", PASSWORD))
    create_key(platform, owner)
    arguments = ["accounts", "password", "owner@example.com", "--password", "another good one", *options]
    assert create_app(platform).test_cli_runner().invoke(args=arguments).exit_code == 0
    assert len(list_keys(platform, owner)) == (0 if options else 1)


def test_accounts_are_listed_one_a_line(platform: Platform) -> None:
    create_account(platform, "a@example.com", PASSWORD, True)
    create_account(platform, "b@example.com", PASSWORD)
    lines = create_app(platform).test_cli_runner().invoke(args=["accounts", "list"]).stdout.splitlines()
    assert [line.split("\t")[1:3] for line in lines] == [
        ["a@example.com", "admin"],
        ["b@example.com", "owner"],
    ]


def test_a_key_is_printed_alone(platform: Platform) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    result = forked_flask(
        platform, "keys", "create", "owner@example.com", "--scope", "read", "--scope", "redirect"
    )
    assert (result.returncode, result.stdout.count("\n")) == (0, 1)
    assert resolve_key(platform, result.stdout.strip(), "").scopes == {Scope.READ, Scope.REDIRECT}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("accounts", "create", "nobody", "--password", PASSWORD), "e-mail"),
        (("accounts", "create", "new@example.com", "--password", "short"), "at least 10 characters"),
        (("accounts", "create", "owner@example.com", "--password", PASSWORD), "already"),
        (("keys", "create", "nobody@example.com"), "no account"),
        (("accounts", "password", "nobody@example.com", "--password", PASSWORD), "no account"),
        (("accounts", "password", "owner@example.com", "--password", "short"), "at least 10 characters"),
        (("keys", "create", "owner@example.com", "--scope", "all"), "read, write, redirect, worker"),
        (("keys", "create", "owner@example.com", "--expires-days", "0"), "days"),
    ],
)
def test_a_mistake_is_one_clear_line_and_a_failure(
    platform: Platform, arguments: tuple[str, ...], said: str
) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    result = create_app(platform).test_cli_runner().invoke(args=arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert said in result.stderr


def test_a_wrong_configuration_is_named_without_a_traceback(platform: Platform) -> None:
    result = forked_flask(platform, "accounts", "list", APP_ENV="prod")
    assert (result.returncode, result.stdout) == (2, "")
    assert "SECRET_KEY: must be set" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_redis_that_is_away_is_one_line_too(platform: Platform) -> None:
    away = Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    result = create_app(away).test_cli_runner().invoke(args=["clicks", "check"])
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "Redis does not answer" in result.stderr


@pytest.mark.parametrize("database", ["sqlite:///{folder}/empty.db", "postgresql://nobody@127.0.0.1:1/none"])
def test_a_lost_or_empty_database_is_one_line_that_says_what_to_do(
    tmp_path: Path, settings: Settings, database: str
) -> None:
    lost = settings.model_copy(update={"database_url": database.format(folder=tmp_path)})
    result = create_app(Platform(lost)).test_cli_runner().invoke(args=["accounts", "list"])
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "db upgrade" in result.stderr
