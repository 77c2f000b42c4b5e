"""Steps that hand people over to people, and what follows when they are left to the flow again."""

from __future__ import annotations

from typing import Any

from tests.plugins.flow_chats import chat_with, said, step_of, to


def help_step(**more: Any) -> dict[str, Any]:
    return {"key": "help", "messages": [said("A person will answer")], **more}


BACK = {"key": "back", "messages": [said("I am the bot again", to("help", "Again"))]}


def test_a_step_that_waits_before_it_hands_over_does_so_once() -> None:
    chat = chat_with(help_step(after=60, then={"kind": "handover", "minutes": 10}))
    chat.send("/start")
    chat.wait(minutes=1)
    assert step_of(chat) == ("help", "paused")
    chat.wait(minutes=10)
    assert (step_of(chat), chat.timers) == (("help", "waiting"), {})
    chat.wait(minutes=60)
    assert step_of(chat) == ("help", "waiting")


def test_a_step_entered_again_hands_over_again() -> None:
    chat = chat_with(help_step(after=60, then={"kind": "handover", "minutes": 1, "step": "back"}), BACK)
    chat.send("/start")
    chat.wait(minutes=2)
    chat.tap("Again")
    assert chat.timers == {"after": 60}
    chat.wait(minutes=1)
    assert step_of(chat) == ("help", "paused")
