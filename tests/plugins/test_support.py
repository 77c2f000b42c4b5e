"""The built-in support: people's messages to the operators' group, and answers back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plugins.support import SupportPlugin
from plugins.support_book import REMEMBERED
from plugins.testing import Chat

GROUP = -1001
PHOTO: dict[str, Any] = {"photo": [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]}


def desk(*, is_forum: bool = True, **config: Any) -> tuple[Chat, Chat]:
    """Ana's chat and the operators' group."""
    chat = Chat(SupportPlugin, {"group_id": GROUP, **config})
    return chat, chat.group(GROUP, is_forum=is_forum)


def in_topic(topic: int) -> dict[str, Any]:
    return {"message_thread_id": topic, "is_topic_message": True}


def copies(chat: Chat) -> list[int]:
    """Which messages stand in a chat as copies."""
    return [each.params["message_id"] for each in chat.messages if each.method == "copyMessage"]


def test_each_person_has_a_topic_where_the_operators_answer() -> None:
    ana, group = desk(greeting="We will answer, {first_name}.")
    bia = ana.person(6, first_name="Bia", username="")
    numbers = []
    for chat in (ana, bia, ana):
        chat.send("<help>")
        numbers.append(chat.sent_id)
    ana.send(**PHOTO, caption="look")
    assert ana.texts == ["We will answer, Ana."]
    assert copies(group) == [*numbers, ana.sent_id]
    first, second = dict.fromkeys(each.thread for each in group.messages)
    assert [each.thread for each in group.messages if each.method == "copyMessage"] == [
        first,
        second,
        first,
        first,
    ]
    assert group.texts[0] == "👤 Ana @ana · 5"
    group.send("Hello Bia", **in_topic(second))
    answer = group.sent_id
    assert (copies(bia), copies(ana)) == ([answer], [])
    group.edit(answer, "Hello <Bia>", **in_topic(second))
    assert (bia.last.text, bia.last.edited) == ("Hello <Bia>", True)
    opened = [params["name"] for method, params in ana.telegram.calls if method == "createForumTopic"]
    assert opened == ["Ana", "Bia"]


def test_edits_reach_the_copies() -> None:
    ana, group = desk()
    ana.send("helo")
    ana.edit(ana.sent_id, "hello <3")
    assert (group.last.text, group.last.edited) == ("hello <3", True)
    ana.send(**PHOTO, caption="one")
    ana.update("edited_message", {**ana.written, "caption": "two"})
    assert group.last.text == "two"


def test_without_topics_operators_reply_to_the_message_that_says_whose_it_is() -> None:
    ana, group = desk(is_forum=False)
    ana.send("hi & bye")
    assert group.texts == ["👤 Ana @ana · 5", ""]  # the first waited for a topic
    assert copies(group) == [ana.sent_id]
    ana.send("hi again")
    assert group.last.text == "👤 Ana @ana · 5\nhi again"
    ana.edit(ana.sent_id, "hi <again>")
    assert group.last.text == "👤 Ana @ana · 5\nhi <again>"
    group.send("Hello Ana", **group.quoting(group.last))
    assert copies(ana) == [group.sent_id]
    group.send("talk among operators")
    group.send("nobody's", **group.quoting(replace(group.last, message_id=1)))
    assert len(copies(ana)) == 1
    asked = sum(method == "createForumTopic" for method, _ in ana.telegram.calls)
    ana.wait(minutes=11)
    ana.send("any topics now?")
    assert sum(method == "createForumTopic" for method, _ in ana.telegram.calls) == asked + 1


@pytest.mark.parametrize("words", ["message thread not found", "TOPIC_CLOSED"])
def test_a_topic_that_takes_nothing_is_opened_anew_with_the_message_that_missed_it(words: str) -> None:
    ana, group = desk()
    ana.send("one")
    gone = group.last.thread
    ana.telegram.gone_topics[gone] = f"Bad Request: {words}"
    ana.send("two")
    assert (group.last.thread != gone, group.last.params["message_id"]) == (True, ana.sent_id)
    group.send("to nobody", **in_topic(gone))
    assert copies(ana) == []


def test_what_could_not_be_delivered_is_told_in_the_topic() -> None:
    ana, group = desk()
    ana.send("one")
    topic = group.last.thread
    ana.telegram.refusals["copyMessage"] = "Forbidden: bot was blocked by the user"
    group.send("Hello", **in_topic(topic))
    assert group.last.text == "⚠️ Not delivered: Forbidden: bot was blocked by the user"
    assert (group.last.thread, group.last.params["reply_parameters"]["message_id"]) == (topic, group.sent_id)


def test_an_answer_that_never_comes_is_asked_for_again_after_an_hour_and_nothing_is_lost() -> None:
    ana, group = desk()
    ana.telegram.silent.add("createForumTopic")
    for text in ("one", "two"):
        ana.send(text)
    assert group.messages == []
    ana.telegram.silent.clear()
    ana.wait(minutes=30)
    ana.send("three")
    assert group.messages == []
    ana.wait(minutes=31)
    ana.send("four")
    assert len(copies(group)) == 4


@pytest.mark.parametrize("text", ["/start", "/unknown"])
def test_commands_and_other_groups_are_left_to_others(text: str) -> None:
    ana, group = desk()
    ana.send(text)
    ana.group(-2002).send("hello")
    group.send(forum_topic_created={"name": "x", "icon_color": 1})
    assert ana.telegram.calls == []


def test_the_book_keeps_the_last_hundred_messages_of_a_person() -> None:
    ana, group = desk(topics=False)
    for number in range(REMEMBERED + 5):
        ana.send(f"message {number}")
    kept = ana.store.list(limit=1000)
    assert sum(key.startswith("reply:") for key in kept) == REMEMBERED
    assert len(kept["person:5"]["copies"]) == REMEMBERED
    assert group.last.message_id in [copy for _, copy, _ in kept["person:5"]["copies"]]
