"""Conversations: states as classes, whose they are, and how they end."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from plugins.base import BasePlugin
from plugins.context import Context, Strategy
from plugins.echo import EchoPlugin
from plugins.router import Router
from plugins.states import State, StatesGroup
from plugins.testing import Chat


class Form(StatesGroup):
    waiting_for_name = State()
    waiting_for_age = State()


class FormPlugin(BasePlugin):
    """The example of the documentation."""

    name = "short_form"

    def setup_handlers(self, router: Router) -> None:
        router.command("form")(self.start_form)
        router.state(Form.waiting_for_name)(self.process_name)
        router.message(Form.waiting_for_age)(self.process_age)

    def start_form(self, _message: Any, ctx: Context) -> None:
        ctx.set_state(Form.waiting_for_name)
        ctx.send("What's your name?")

    def process_name(self, message: Any, ctx: Context) -> None:
        ctx.update_data(name=message.text)
        ctx.set_state(Form.waiting_for_age)
        ctx.send("How old are you?")

    def process_age(self, message: Any, ctx: Context) -> None:
        ctx.send(f"Hello {ctx.escape(ctx.data['name'])}, you are {ctx.escape(message.text)} years old!")
        ctx.clear_state()


class OtherForm(FormPlugin):
    """Another plugin whose group has the same name and the same states."""

    name = "other_form"

    def setup_handlers(self, router: Router) -> None:
        router.state(Form.waiting_for_name, Form.waiting_for_age)(lambda _message, ctx: ctx.send("not mine"))


def test_a_conversation_goes_from_state_to_state_and_leaves_commands_to_others() -> None:
    chat = Chat(FormPlugin, beside=[(EchoPlugin, {"echo_all": True})])
    chat.send("/form")
    assert (chat.last.text, chat.state) == ("What's your name?", "Form:waiting_for_name")
    chat.send("/echo meanwhile")
    assert chat.last.text == "meanwhile"
    for text in ("<Ana>", "30"):
        chat.send(text)
    assert chat.last.text == "Hello <Ana>, you are 30 years old!"
    assert (chat.state, chat.data) == (None, {})


def test_states_of_the_same_name_in_two_plugins_are_two() -> None:
    chat = Chat(OtherForm, beside=[(FormPlugin, {})])
    for text in ("/form", "Ana", "30"):
        chat.send(text)
    assert chat.texts == ["What's your name?", "How old are you?", "Hello Ana, you are 30 years old!"]


@pytest.mark.parametrize(("language", "said"), [("en", "Cancelled."), ("pt-br", "Cancelado.")])
def test_cancel_ends_a_conversation_and_is_anybodys_command_outside_of_one(language: str, said: str) -> None:
    chat = Chat(FormPlugin, beside=[(EchoPlugin, {"echo_all": True})], language=language)
    for text in ("/form", "Ana", "/cancel", "hello", "/cancel"):
        chat.send(text)
    assert chat.texts[2:] == [said, "hello"]
    assert (chat.state, chat.data) == (None, {})


def test_a_plugin_may_have_a_cancel_of_its_own() -> None:
    class Asks(FormPlugin):
        name = "asks"

        def setup_handlers(self, router: Router) -> None:
            super().setup_handlers(router)
            router.command("cancel")(lambda _message, ctx: ctx.send("Really?"))

    chat = Chat(Asks)
    chat.send("/form")
    chat.send("/cancel")
    assert (chat.last.text, chat.state) == ("Really?", "Form:waiting_for_name")


def test_a_conversation_nobody_goes_on_with_is_forgotten_after_a_week() -> None:
    chat = Chat(FormPlugin)
    chat.send("/form")
    chat.wait(days=6)
    assert chat.state is not None
    chat.wait(days=2)
    assert chat.state is None


@pytest.mark.parametrize(
    ("strategy", "next_to_answer"),
    [
        (Strategy.USER_IN_CHAT, {"the same"}),
        (Strategy.GLOBAL_USER, {"the same", "the same elsewhere"}),
        (Strategy.CHAT, {"the same", "somebody else"}),
    ],
)
def test_who_may_go_on_with_a_conversation_is_the_bots_strategy(
    strategy: Strategy, next_to_answer: set[str]
) -> None:
    own = Chat(FormPlugin, strategy=strategy)
    group = own.group(-100)
    group.send("/form")
    chats = {
        "the same": group,
        "the same elsewhere": own.person(9, first_name="Olga"),
        "somebody else": own.group(-100, own.someone(4, "Bia")),
        "somebody elsewhere": own,
    }
    assert {name for name, chat in chats.items() if chat.state} == next_to_answer


def test_those_who_write_as_a_chat_do_not_share_a_conversation_over_all_chats() -> None:
    first = Chat(FormPlugin, strategy=Strategy.GLOBAL_USER).group(-100)
    second = first.group(-200)
    first.send("/form", sender_chat={"id": -100, "type": "supergroup"})
    second.send("Ana", sender_chat={"id": -200, "type": "supergroup"})
    assert second.messages == []


@pytest.mark.parametrize(("language", "word"), [("en", "begin again"), ("pt-br", "Comece de novo")])
def test_a_state_whose_plugin_was_taken_off_ends_with_a_word_and_a_line_in_the_log(
    language: str, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    chat = Chat(FormPlugin, beside=[(EchoPlugin, {})], language=language)
    chat.send("/form")
    chat.replace_plugins((EchoPlugin, {}))
    with caplog.at_level(logging.WARNING):
        chat.send("Ana")
        chat.send("Ana")
    assert [word in text for text in chat.texts] == [False, True]
    assert [record.getMessage() for record in caplog.records] == [
        "conversation ended: nobody knows the state Form:waiting_for_name of plugin short_form any more"
    ]


def test_a_state_whose_route_is_gone_ends_when_nobody_wants_the_message() -> None:
    class Newer(FormPlugin):
        def setup_handlers(self, router: Router) -> None:
            router.command("form")(self.start_form)

    chat = Chat(FormPlugin)
    chat.send("/form")
    chat.replace_plugins((Newer, {}))
    chat.send("Ana")
    assert "begin again" in chat.last.text
    assert chat.state is None


def test_a_plain_state_and_one_of_a_plugin_that_is_there_go_on() -> None:
    class Plain(BasePlugin):
        name = "plain"

        def setup_handlers(self, router: Router) -> None:
            router.command("go")(lambda _message, ctx: ctx.set_state("here"))
            router.text("on", where=lambda _message, ctx: ctx.state == "here")(
                lambda _message, ctx: ctx.send("went on")
            )

    chat = Chat(Plain)
    for text in ("/go", "nobody wants this", "on"):
        chat.send(text)
    assert chat.texts == ["went on"]
