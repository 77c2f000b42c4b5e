"""What the panel shows of a plugin's texts: the look of each character as in Telegram, and nothing that a browser would run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest

from plugins.base import BasePlugin, PluginConfig
from plugins.markup import MARKDOWN
from plugins.texts import TelegramText
from services.core.errors import InvalidInput
from services.fleet.text_preview import BlockView, planned_texts, preview
from tests.plugins.offering import offered


class TalkerConfig(PluginConfig):
    """Texts of every make."""

    offer: Annotated[str, TelegramText(MARKDOWN, variables=("first_name",))] = "*Hi* {first_name}"
    lines: list[Annotated[str, TelegramText()]] = ["<i>one</i>", "two"]  # noqa: RUF012  # pydantic copies it
    note: Annotated[str, TelegramText(None, may_be_blank=True)] = ""
    colour: str = "<b>red"


class TalkerPlugin(BasePlugin):
    name = "talker"
    config_model = TalkerConfig


@pytest.fixture(autouse=True)
def _talker() -> Iterator[None]:
    with offered(TalkerPlugin):
        yield


def shown(blocks: list[BlockView]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Kind and runs of blocks, a run as text, styles in one word, address."""
    return [
        (block["kind"], [(run["text"], "+".join(run["styles"]), run["url"]) for run in block["runs"]])
        for block in blocks
    ]


def welcome(text: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    [only] = preview("start", {"welcome_message": text}, "Loja & Cia")
    return shown(only["blocks"])


def test_variables_are_filled_and_styles_overlap() -> None:
    assert welcome(" <b>Oi <i>{first_name}</i></b> da {bot_name} &lt;3 ") == [
        ("text", [("Oi ", "bold", ""), ("Ana", "bold+italic", ""), (" da Loja & Cia <3", "", "")])
    ]


def test_links_lead_where_they_say_and_what_telegram_links_by_itself_is_a_link() -> None:
    assert welcome('<a href="https://x.example/?a=1&amp;b=2">go <b>on</b></a> /start a@b.c <code>/no</code>') == [
        (
            "text",
            [
                ("go ", "link", "https://x.example/?a=1&b=2"),
                ("on", "bold+link", "https://x.example/?a=1&b=2"),
                (" ", "", ""),
                ("/start", "link", ""),
                (" a@b.c ", "", ""),
                ("/no", "code", ""),
            ],
        )
    ]  # fmt: skip


def test_quotations_and_code_are_blocks_without_the_ends_of_lines_around_them() -> None:
    assert welcome("a\n<blockquote>b\n<s>c</s></blockquote>\nd\n<pre>e</pre>") == [
        ("text", [("a", "", "")]),
        ("quote", [("b\n", "quote", ""), ("c", "quote+strike", "")]),
        ("text", [("d", "", "")]),
        ("pre", [("e", "pre", "")]),
    ]


def test_fields_marked_as_texts_are_shown_and_others_are_not() -> None:
    found = {each["field"]: shown(each["blocks"]) for each in preview("talker", {}, "Shop")}
    assert found == {
        "offer": [("text", [("Hi", "bold", ""), (" Ana", "", "")])],
        "lines.0": [("text", [("one", "italic", "")])],
        "lines.1": [("text", [("two", "", "")])],
    }


def test_the_help_is_one_text_of_all_its_fields() -> None:
    [only] = preview("help", {"header": "<Ajuda>", "commands": [{"command": "go"}]}, "Shop")
    assert (only["field"], shown(only["blocks"])[0][1][0]) == ("commands", ("<Ajuda>", "bold", ""))


@pytest.mark.parametrize(
    ("name", "config", "field"),
    [
        ("start", {"welcome_message": "<b>Oi"}, "start.welcome_message"),
        ("start", {"unknown": 1}, "start.unknown"),
        ("nobody", {}, "plugins"),
    ],
)
def test_what_could_not_be_saved_is_not_shown_either(name: str, config: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        preview(name, config, "Shop")
    assert caught.value.field == field
    assert planned_texts("echo", {}) == []


def test_a_text_with_thousands_of_styles_inside_each_other_is_shown_whole() -> None:
    deep = "".join(f"<b>{chr(97 + number % 26)}<i>" for number in range(1800)) + "</i></b>" * 1800
    [only] = preview("start", {"welcome_message": deep}, "Shop")
    assert sum(len(run["text"]) for block in only["blocks"] for run in block["runs"]) == 1800
