"""`flask plugins new` and `flask plugins check`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner

from app import create_app
from services.core.settings import Settings
from services.fleet import plugin_catalogue
from services.messaging.plugin_kit.checking import check_file
from services.platform.platform import Platform
from tests.commands.running import ROOT

GOOD = """
from pydantic import Field
from plugins.base import BasePlugin, PluginConfig
class Config(PluginConfig):
    word: str = Field("hi", description="a word")
class P(BasePlugin):
    name, description = "p", "does it"
    config_model = Config
    allowed_updates = ("inline_query",)
    def setup_handlers(self, router):
        router.text()(self.say)
        router.on("inline_query", lambda query, ctx: True)(self.say)
    def say(self, message, ctx): ...
plugin = P
"""


@pytest.fixture
def command(settings: Settings) -> FlaskCliRunner:
    return create_app(Platform(settings)).test_cli_runner()


def test_a_new_plugin_is_green_at_once(settings: Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"plugins_dir": tmp_path})
    command = create_app(Platform(settings)).test_cli_runner()
    written = command.invoke(args=["plugins", "new", "greet_people"])
    assert written.exit_code == 0, written.output
    [code, test, page] = [
        tmp_path / "greet_people.py",
        tmp_path / "tests/test_greet_people.py",
        tmp_path / "greet_people.md",
    ]
    assert "/greet_people" in page.read_text()
    checked = command.invoke(args=["plugins", "check"])
    assert (checked.exit_code, checked.output) == (0, "1 looked at, 0 things wrong.\n")
    environ = {**os.environ, "PLUGINS_DIR": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)],
        check=True,
        cwd=ROOT,
        env=environ,
    )
    lint = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), str(code)]
    subprocess.run(lint, check=True)
    again = command.invoke(args=["plugins", "new", "greet_people"])
    assert (again.exit_code, "already" in again.output) == (1, True)


def test_a_name_that_is_taken_or_none_is_refused(command: FlaskCliRunner, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    for name in ("start", "Greet", "../x", "a b", "", "9"):
        assert command.invoke(args=["plugins", "new", name, "--folder", str(folder)]).exit_code == 1
    assert not folder.exists()


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("plugin = P", "", 1, "no `plugin ="),
        ("    def say(", "    def say)", 13, "SyntaxError"),
        ("import BasePlugin,", "import Nothing,", 3, "cannot import name 'Nothing'"),
        ('"p", "does it"', '"P!", "does it"', 6, "small letters"),
        ('"p", "does it"', '"echo", "does it"', 6, "taken by the built-in plugin"),
        ('"p", "does it"', '"p", ""', 6, "description is empty"),
        ("    config_model", "    def on_load(self, bot): pass\n    config_model", 6, "def on_load(self)"),
        ("    config_model", "    version = 'one'\n    config_model", 6, "1.2.3"),
        ("    config_model", "    dependencies = ('none',)\n    config_model", 6, "no plugin 'none'"),
        (', description="a word"', "", 6, "has no description"),
        ('"hi", ', "", 6, "no default"),
        ('"hi", ', "3, validate_default=True, ", 6, "would be refused"),
        ("(self, message, ctx)", "(self, message)", 13, "must take (event, ctx)"),
        ("        router.text()(self.say)", "        router.txt()(self.say)", 11, "no attribute 'txt'"),
        ('("inline_query",)', "()", 6, "allowed_updates lacks 'inline_query'"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    file = tmp_path / "p.py"
    file.write_text(GOOD)
    assert check_file(file) == []
    file.write_text(GOOD.replace(old, new, 1))
    [found] = check_file(file)
    assert str(found).startswith(f"{file}:{line}: ")
    assert words in found.what


def test_the_command_says_what_it_found_and_fails(command: FlaskCliRunner, tmp_path: Path) -> None:
    file = tmp_path / "p.py"
    file.write_text("x")
    result = command.invoke(args=["plugins", "check", str(file)])
    assert result.exit_code == 1
    assert f"{file}:1: NameError" in result.output


@pytest.mark.parametrize(
    "name",
    sorted(
        file.stem
        for file in plugin_catalogue.BUILT_IN.glob("*.py")
        if file.stem not in plugin_catalogue.THE_INTERFACE
    ),
)
def test_nothing_is_wrong_with_a_built_in_plugin(name: str) -> None:
    assert check_file(plugin_catalogue.BUILT_IN / f"{name}.py") == []
