"""What Telegram will always refuse is refused when a text is saved, with a code, the place and the reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError
from pydantic_core import PydanticCustomError

from plugins.base import BasePlugin, PluginConfig
from plugins.help import HelpPlugin
from plugins.markup import HTML, MARKDOWN, visible
from plugins.start import StartPlugin
from plugins.texts import KINDS, SAVING, TROUBLE, VARIABLES, TelegramText, escaped, filled, is_blank, units
from services.core.errors import InvalidInput
from services.core.i18n import translate
from services.fleet import plugin_catalogue
from tests.architecture.source import ROOT
from tests.plugins.offering import offered


class MenuConfig(PluginConfig):
    """Texts of a plugin of somebody else's, in a list, too."""

    texts: list[Annotated[str, TelegramText(MARKDOWN, ("first_name",), longest=1024)]] = Field(
        default_factory=list
    )
    signature: Annotated[str, TelegramText(None, may_be_blank=True)] = ""


@pytest.fixture(autouse=True)
def _menu() -> Iterator[None]:
    with offered(type("Menu", (BasePlugin,), {"name": "menu", "config_model": MenuConfig})):
        yield


def refused(name: str, **config: Any) -> InvalidInput:
    """How saving this configuration is refused."""
    with pytest.raises(InvalidInput) as caught:
        plugin_catalogue.validate(name, config)
    return caught.value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<b>Oi", "text_tag_unclosed"),
        ("<p>Oi</p>", "text_tag_unknown"),
        ("Oi<br>", "text_tag_unknown"),
        ("a < b", "text_tag_unknown"),
        ("Oi</b>", "text_tag_unmatched"),
        ("<a href=https://x.org>x</a>", "text_tag_malformed"),
        ("Oi {nome}", "text_variable_unknown"),
        ("   \n", "text_blank"),
        ("<b>\u200b</b>\u2800", "text_blank"),
        ("{first_name}", "text_may_be_blank"),
        ("<i>{first_name} {last_name}</i>", "text_may_be_blank"),
        ("😀" * 2049, "text_too_long"),
        ("x" * 4097, "text_too_long"),
        ("x" * 4000 + "{first_name}", "text_too_long"),
        ('<a href="https://x.org/' + "y" * 34_000 + '">x</a>', "text_source_too_long"),
    ],
)
def test_a_welcome_that_telegram_would_refuse_is_not_saved(text: str, code: str) -> None:
    error = refused("start", welcome_message=text)
    assert (error.code, error.field) == (code, "start.welcome_message")


@pytest.mark.parametrize(
    "text",
    [
        "Oi",
        "Oi, {first_name}! 👋",
        "{bot_name}",
        "😀" * 2048,
        "<b>" + "x" * 4096 + "</b>",
        "&lt;" * 4096,
        "x" * (4096 - 128) + "{first_name}",
        '<a href="https://t.me/{username}?start={start_param}">{first_name}</a> x',
        "{} {not closed",
    ],
)
def test_a_welcome_that_telegram_takes_is_saved_as_it_is(text: str) -> None:
    assert plugin_catalogue.validate("start", {"welcome_message": text}) == {"welcome_message": text}


def test_the_refusal_says_line_and_cure_in_both_languages() -> None:
    error = refused("start", welcome_message="Oi\n<b>tudo bem?")
    assert (error.field, error.message) == (
        "start.welcome_message",
        "Line 2: <b> is never closed; end it with </b>",
    )
    assert translate(error.text, "pt") == "Linha 2: <b> não foi fechada; termine com </b>"


def test_a_list_of_commands_must_fit_one_message_and_say_something() -> None:
    commands = [{"command": f"c{number}", "description": "😀" * 256} for number in range(15)]
    error = refused("help", header="x", commands=commands)
    assert (error.code, error.field) == ("text_too_long", "help.commands")
    assert plugin_catalogue.validate("help", {"header": "x", "commands": commands[:7]})
    assert refused("help", header=" ", commands=[]).code == "text_blank"
    assert plugin_catalogue.validate("help", {"header": "<Help>", "commands": [{"command": "a"}]})


def test_texts_of_any_plugin_are_checked_by_their_own_style_and_place() -> None:
    error = refused("menu", texts=["fine", "1.5"])
    assert (error.code, error.field) == ("text_sign_unescaped", "menu.texts.1")
    assert refused("menu", texts=["Hi {last_name}"]).code == "text_variable_unknown"
    assert refused("menu", texts=["x" * 1000 + "{first_name}"]).code == "text_too_long"
    fine: dict[str, Any] = {"texts": ["*Hi* {first_name}\\!"], "signature": "a < {b}"}
    assert plugin_catalogue.validate("menu", fine) == fine


def test_what_a_former_release_saved_still_runs() -> None:
    assert StartPlugin(7, {"welcome_message": "Oi {nome} <b>"}).config.model_dump() == {
        "welcome_message": "Oi {nome} <b>"
    }
    HelpPlugin(7, {"header": "", "commands": []})


@pytest.mark.parametrize("mode", [HTML, MARKDOWN, None])
def test_whatever_somebody_is_called_a_filled_text_shows_it(mode: str | None) -> None:
    template = "[x](https://x.org/{a}) {a}" if mode == MARKDOWN else '<a href="{a}">x</a> {a}'
    assert visible(filled(template, {"a": TROUBLE}, mode), mode).endswith(TROUBLE)
    assert filled("{a} {b} {}", {"a": "1"}, mode) == "1 {b} {}"


def test_every_kind_of_refusal_is_raised_by_some_text() -> None:
    markdown = (".", "*x", "[x](")
    markup = ("<p>", "<b>", "</b>", "<b", " ", "{x}", "{last_name}", "x" * 4097)
    long = f'<a href="{"x" * 35_000}">x</a>'
    raised = set()
    for text in (*markdown, *markup, long):
        with pytest.raises(PydanticCustomError) as caught:
            TelegramText(MARKDOWN if text in markdown else HTML, VARIABLES).check(text)
        raised.add(caught.value.type)
    assert raised == set(KINDS)


def test_lengths_and_blanks_are_telegrams() -> None:
    assert [units(text) for text in ("a", "é", "😀", "👨‍👩‍👧")] == [1, 1, 2, 8]
    assert all(is_blank(text) for text in ("", " \n\t", "\u200b\u200e", "\u3000\ufffc", "\U000e0020"))
    assert not any(is_blank(text) for text in ("a", ".", "\u3164", "\u2060"))
    assert escaped("<\"'&>", HTML) == "&lt;&quot;&#x27;&amp;&gt;"


def test_the_example_of_a_configuration_works_as_it_stands() -> None:
    text = (ROOT / "docs" / "plugins.md").read_text()
    code = text.partition("## Texts that Telegram takes")[2].partition("```python")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(compile(code, "example", "exec", dont_inherit=True), names)
    saved = names["OfferConfig"].model_validate({"caption": "*50*"}, context={SAVING: True})
    assert saved.offer == "Hi {first_name}"
    with pytest.raises(ValidationError):
        names["OfferConfig"].model_validate({"caption": "1.5"}, context={SAVING: True})
