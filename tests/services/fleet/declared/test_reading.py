"""Every mistake in a bot's file has its line, its column and its code; nothing that is not meant is taken."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from services.fleet.declared.bot_file import ReadFile, read_bot_file
from services.fleet.declared.problems import FileRefused, Problem
from services.fleet.declared.yaml_source import LARGEST_FILE
from tools.benchmarks.yaml_mutations import mutated

TOKEN = "123456789:ABCdefGHIjklMNOpqrsTUVwxyz"
PAGE = Path(__file__).resolve().parents[4] / "docs" / "yaml-bots.md"
BASE = """\
id: "shop"
name: "Shop"
token: "${SHOP_TOKEN}"
enabled: true
mode: "polling"
settings:
  parse_mode: "HTML"
plugins:
  - name: "start"
    config:
      welcome_message: "Hi"
  - name: "help"
    config:
      commands:
        - command: "/start"
  - name: "error_handler"
    config:
      show_error_id: true
access:
  admin_users:
    - 123456789
fsm_strategy: "CHAT"
"""


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    monkeypatch.setenv("BOT_TOKEN", TOKEN)
    monkeypatch.setenv("BOT_MYBOT_TOKEN", TOKEN)
    monkeypatch.setenv("SECRET_KEY", "k" * 40)
    monkeypatch.setenv("SHOP_WORD", "<p>open sesame</p>")


def problems(text: str | bytes) -> list[Problem]:
    with pytest.raises(FileRefused) as refused:
        read_bot_file("shop.yaml", text if isinstance(text, bytes) else text.encode())
    return list(refused.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "place", "code", "word"),
    [
        ("welcome_message", "welcom_message", "11:7", "unknown_key", "welcome_message"),
        ("access:", "acess:", "19:1", "unknown_key", "access"),
        ('"help"', '"hepl"', "12:11", "unknown_plugin", "help"),
        ('command: "', 'comand: "', "15:11", "unknown_key", "command"),
        ('"polling"', '"poling"', "5:7", "value_wrong", "polling"),
        ('"HTML"', '"html"', "7:15", "value_wrong", "HTML"),
        ("show_error_id: true", "show_error_id: 5", "18:22", "value_wrong", "boolean"),
        ("enabled: true", "enabled: yes", "4:10", "yaml_ambiguous", "true"),
        ("enabled: true", 'enabled: "yes"', "4:10", "value_wrong", "boolean"),
        ('name: "Shop"', "name: 0123", "2:7", "yaml_ambiguous", '"0123"'),
        ('name: "Shop"', "name: no", "2:7", "yaml_ambiguous", '"no"'),
        ('name: "Shop"', "name: 5", "2:7", "value_wrong", "quotes"),
        ('name: "Shop"\n', "", "1:1", "key_missing", "name"),
        ('id: "shop"', 'id: "Shop"', "1:5", "value_wrong", "pattern"),
        ("enabled: true", 'name: "Again"', "4:1", "yaml_duplicate_key", "line 2"),
        ("  admin_users", "\tadmin_users", "20:1", "yaml_tab", "tab"),
        ("123456789", "&boss 123456789", "21:7", "yaml_alias", "Anchors"),
        ("123456789", "*boss", "21:7", "yaml_alias", "aliases"),
        ("123456789", "!!int 5", "21:7", "yaml_tag", "Tags"),
        ("123456789", "{usr: 5}", "21:8", "unknown_key", "user"),
        ("123456789", '"5"', "21:7", "value_wrong", "integer"),
        ("123456789", "5\n    - 5", "22:7", "access_twice", "twice"),
        ("fsm_strategy", "---\nfsm_strategy", "22:1", "yaml_documents", "one bot"),
        ("${SHOP_TOKEN}", "${SHOP_TOKN}", "3:8", "variable_missing", "SHOP_TOKN"),
        ("${SHOP_TOKEN}", "${SECRET_KEY}", "3:8", "variable_reserved", "SECRET_KEY"),
        ("${SHOP_TOKEN}", "${admin_bot_token}", "3:8", "variable_reserved", "admin_bot_token"),
        ("${SHOP_TOKEN}", "${SHOP TOKEN}", "3:8", "variable_malformed", "${NAME}"),
        ("${SHOP_TOKEN}", "12:abc", "3:8", "token_malformed", "@BotFather"),
        ('"Shop"', '"${SHOP_WORD}"', "2:7", "variable_not_here", "token"),
        ('"Hi"', '"${SHOP_WORD}"', "11:24", "value_wrong", "<p>"),
        ('"CHAT"', "[", "22:16", "yaml_malformed", "flow"),
        ('"CHAT"', '"CHAT', "22:15", "yaml_malformed", "quoted"),
        ('"Hi"', '"H\\0"', "11:24", "yaml_malformed", "U+0000"),
        ("error_handler", "start", "16:11", "plugin_repeated", "start"),
    ],
)
def test_each_mistake_is_told_where_it_is_and_with_the_right_word(
    old: str, new: str, place: str, code: str, word: str
) -> None:
    assert old in BASE
    found = problems(BASE.replace(old, new, 1))
    told = [(f"{one.place.line}:{one.place.column}", one.code) for one in found]
    assert (place, code) in told
    assert word in " ".join(str(one.reason) for one in found)
    assert "open sesame" not in str(found)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b"- shop\n", "yaml_no_mapping"),
        (b"\xff\xfe", "file_not_utf8"),
        (b"a" * (LARGEST_FILE + 1), "file_too_large"),
        (b"a: " + b"[" * 5000, "yaml_malformed"),
        (b"a: " + b"[" * 60 + b"]" * 60, "yaml_too_deep"),
    ],
)
def test_what_is_no_bot_at_all_is_told_too(data: bytes, code: str) -> None:
    assert [one.code for one in problems(data)] == [code]


def test_all_mistakes_are_told_at_once() -> None:
    wrong = BASE.replace("true\nmode", "5\nmode").replace("CHAT", "CHATT").replace("access", "acess")
    assert len(problems(wrong)) == 3


@pytest.mark.parametrize("seed", range(60))
def test_a_mutated_file_is_refused_with_line_and_reason_or_says_what_it_seems_to(seed: int) -> None:
    chance = random.Random(seed)
    mutation = mutated(BASE, chance)
    try:
        read: ReadFile | None = read_bot_file("shop.yaml", mutation.data)
        found: list[Problem] = []
    except FileRefused as refused:
        read, found = None, list(refused.problems)
    if mutation.is_wrong:
        assert read is None, mutation
    if read is None:
        lines = mutation.data.decode(errors="replace").count("\n") + 2
        assert found, mutation
        assert all(one.file and 1 <= one.place.line <= lines and one.place.column >= 1 for one in found)
        assert all(str(one.reason) for one in found)


def test_the_examples_of_the_page_work_as_they_stand() -> None:
    examples: list[Any] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    read = [read_bot_file("a.yaml", example.encode()).document for example in examples]
    assert [one.id for one in read[:2]] == ["mybot", "support_bot"]
    full = read[1]
    assert (full.webhook.path, full.access.admin_users, full.rate_limiting.default_rate) == (
        "/support",
        [123456789],
        30,
    )
    assert full.plugins[1].config["commands"][2]["description"] == "Create support ticket"
