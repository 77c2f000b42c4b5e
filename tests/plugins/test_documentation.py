"""The examples of docs/plugins.md work as they stand there."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

from plugins.base import BasePlugin, PluginConfig
from plugins.http import HttpError
from plugins.testing import Chat
from tests.architecture.source import ROOT
from tests.plugins.offering import offered

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "plugins.md").read_text(), re.DOTALL)


PREAMBLE = "from typing import Any\nfrom plugins.context import Context\nfrom plugins.router import Router\n"


def block_with(words: str) -> str:
    """The only example that has these words."""
    [found] = [block for block in BLOCKS if words in block]
    return str(found)


def run(code: str, name: str = "example") -> dict[str, Any]:
    module = ModuleType(name)
    exec(compile(code, name, "exec"), module.__dict__)
    return module.__dict__


def test_the_first_plugin_passes_the_test_that_is_written_for_it() -> None:
    plugin = run(block_with('name = "prices"'))["plugin"]
    with offered(plugin):
        run(block_with("def test_buying"))["test_buying"]()


def test_the_form_asks_and_greets() -> None:
    chat = Chat(run(block_with("waiting_for_age = State()"))["plugin"])
    for text in ("/form", "Ana", "30"):
        chat.send(text)
    assert chat.texts == ["What's your name?", "How old are you?", "Hello Ana, you are 30 years old!"]


def test_the_echo_repeats_and_leaves_what_it_does_not_want_to_others() -> None:
    echo = run(block_with("class EchoPlugin"))["plugin"]
    chat = Chat(echo, beside=[(run(block_with("waiting_for_age = State()"))["plugin"], {})])
    for text in ("/echo a < b", "/echo", "hello", "/form", "Ana"):
        chat.send(text)
    assert chat.texts == ["a < b", "Usage: /echo <text>", "What's your name?", "How old are you?"]
    chat = Chat(echo, {"echo_all": True})
    chat.send("hello")
    assert chat.last.text == "You said: hello"


def test_a_message_is_edited_by_the_number_that_its_answer_says() -> None:
    names = run(f"from plugins.answers import CallAnswer\n{PREAMBLE}{block_with('def sent(')}")
    members = {name: names[name] for name in ("setup_handlers", "count", "sent")}
    chat = Chat(type("Counts", (BasePlugin,), {"name": "counts", **members}))
    chat.send("/count")
    assert [(each.text, each.edited) for each in chat.messages] == [("2", True)]


def test_tea_is_ready_after_four_minutes() -> None:
    names = run(f"from plugins.timers import TimerFired\n{PREAMBLE}{block_with('def tea_is_ready')}")
    members = {name: names[name] for name in ("setup_handlers", "remind", "tea_is_ready")}
    chat = Chat(type("Tea", (BasePlugin,), {"name": "tea", **members}))
    chat.send("/remind")
    chat.wait(minutes=3)
    assert chat.texts == []
    chat.wait(minutes=1)
    assert chat.texts == ["Your green tea is ready, Ana."]
    for text in ("/remind", "/never_mind"):
        chat.send(text)
    assert chat.timers == {}


def test_the_flow_of_its_page_asks_again() -> None:
    [block] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "flows.md").read_text(), re.DOTALL)
    run(block)["test_whoever_says_nothing_is_asked_again"]()


def test_a_price_of_another_api_is_told() -> None:
    names = run(f"from plugins.http import HttpError\n{PREAMBLE}{block_with('keep_seconds=3600')}")

    class Prices(BasePlugin):
        name = "asks_price"

        def setup_handlers(self, router: Any) -> None:
            router.command("price")(lambda message, ctx: names["price"](self, message, ctx))

    chat = Chat(Prices)
    chat.http.answers["https://api.example.com/price"] = {"price": 10}
    chat.send("/price")
    chat.http.answers["https://api.example.com/price"] = HttpError("timeout")
    chat.send("/price")
    assert chat.texts == ["10", "No price today (timeout)."]


def test_an_inline_keyboard_is_answered_edited_and_taken_away() -> None:
    names = run(f"{PREAMBLE}{block_with('def show_menu')}")
    chat = Chat(type("Menu", (BasePlugin,), {"name": "options", "setup_handlers": names["setup_handlers"]}))
    chat.send("/menu")
    chat.tap("Option 2")
    assert (chat.notice, chat.last.text, chat.last.buttons) == (
        "You selected option 2",
        "Selected: Option 2",
        [],
    )
    chat.send("/menu")
    chat.tap("Cancel")
    assert (chat.notice, chat.texts) == ("Cancelled", ["Selected: Option 2"])


def test_a_greeting_is_configured() -> None:
    class Config(PluginConfig):
        greeting: str | None = None
        name: str | None = None

    names = run(f"{PREAMBLE}{block_with('async def greet')}")
    members = {"name": "greet", "config_model": Config, "setup_handlers": names["setup_handlers"]}
    for config, said in (({}, "Hello!, User!"), ({"greeting": "Hi", "name": "<Ana>"}, "Hi, <Ana>!")):
        chat = Chat(type("Greet", (BasePlugin,), members), config)
        chat.send("/greet")
        assert chat.last.text == said
