"""What becomes of people when a flow is edited, they block the bot, or a step leads nowhere: each has a stated outcome."""

from __future__ import annotations

import pytest

from plugins.flow import FlowPlugin
from plugins.testing import Chat
from tests.plugins.flow_chats import HELLO, OFFER, Steps, button, chat_with, document, said, step_of, to


def blocked(chat: Chat, *, now: bool) -> None:
    who = {"id": 7, "is_bot": True, "first_name": "Bot"}
    states = [{"user": who, "status": status} for status in ("member", "kicked")]
    old, new = states if now else states[::-1]
    change = {"chat": chat.written["chat"], "date": 1, "old_chat_member": old, "new_chat_member": new}
    if not now:
        change["new_chat_member"] = {**states[0]}
    for member in (change["old_chat_member"], change["new_chat_member"]):
        member.setdefault("until_date", 0)
    chat.update("my_chat_member", change)


def test_nothing_is_sent_to_whoever_blocked_the_bot_and_the_waits_begin_anew_when_they_return() -> None:
    first = {"key": "first", "messages": [said("one")], "follow_ups": [{"after": 60, "step": "nudge"}]}
    chat = chat_with(first, {"key": "nudge", "messages": [said("nudge")]})
    chat.send("/start")
    blocked(chat, now=True)
    assert (step_of(chat), chat.timers) == (("first", "stopped"), {})
    chat.wait(days=3)
    assert chat.texts == ["one"]
    blocked(chat, now=False)
    assert (step_of(chat), chat.timers) == (("first", "waiting"), {"follow_up:0": 60})
    chat.wait(minutes=1)
    assert chat.texts == ["one", "nudge"]


def test_whoever_was_unblocked_unnoticed_goes_on_with_the_first_thing_they_do() -> None:
    chat = chat_with(HELLO, OFFER)
    chat.send("/start")
    blocked(chat, now=True)
    chat.tap("More")
    assert (chat.last.text, step_of(chat)) == ("R$ 10", ("offer", "waiting"))


def test_an_old_button_is_played_by_its_version_and_leads_to_what_its_step_is_now() -> None:
    chat = chat_with(HELLO, OFFER)
    chat.send("/start")
    other = {"key": "hello", "messages": [said("New hello", to("hello", "Other"))]}
    chat.store.publish_flow("main", document(other, {"key": "offer", "messages": [said("R$ 12")]}))
    chat.tap("More")
    assert chat.texts == ["Hi Ana", "R$ 12"]


@pytest.mark.parametrize(
    ("moves", "text", "notice"),
    [
        ({"offer": "deal"}, "deal", ""),
        ({"offer": None}, None, "This conversation has ended."),
        ({}, "Hi Ana", "This choice is not there any more. Go on here:"),
    ],
)
def test_a_button_to_a_step_that_is_gone_has_a_stated_outcome(
    moves: dict[str, str | None], text: str | None, notice: str
) -> None:
    chat = chat_with(HELLO, OFFER)
    chat.send("/start")
    deal = {"key": "deal", "messages": [said("deal")]}
    start = {"key": "hello", "messages": [said("Hi {first_name}")]}
    chat.store.publish_flow("main", document(start, deal), moves)
    chat.tap("More")
    assert (chat.texts, chat.notice) == (["Hi Ana", *([text] if text else [])], notice)


def test_a_step_removed_twice_leads_where_the_second_move_says() -> None:
    chat = chat_with(HELLO, OFFER)
    chat.send("/start")
    for step, moves in (("deal", {"offer": "deal"}), ("sale", {"deal": "sale"})):
        start = {"key": "hello", "messages": [said("Hi")]}
        chat.store.publish_flow("main", document(start, {"key": step, "messages": [said(step)]}), moves)
    chat.tap("More")
    assert chat.last.text == "sale"


def test_a_follow_up_of_a_former_version_comes_and_leads_to_the_present_step() -> None:
    first = {"key": "first", "messages": [said("one")], "follow_ups": [{"after": 60, "step": "old"}]}
    chat = chat_with(first, {"key": "old", "messages": [said("old")]})
    chat.send("/start")
    steps: Steps = [{"key": "first", "messages": [said("1")]}, {"key": "new", "messages": [said("new")]}]
    chat.store.publish_flow("main", document(*steps), {"old": "new"})
    chat.wait(minutes=1)
    assert chat.texts == ["one", "new"]


def test_a_moved_person_enters_the_step_with_whatever_they_do_next() -> None:
    chat = chat_with(HELLO, OFFER)
    chat.send("/start")
    steps: Steps = [
        {
            "key": "new",
            "messages": [said("new", to("offer", "Go"))],
            "replies": [{"equals": "x", "step": "offer"}],
        },
        OFFER,
    ]
    chat.store.publish_flow("main", document(*steps), {"hello": "new"})
    assert chat.store.runs[5].is_moved
    chat.send("what now?")
    assert chat.texts == ["Hi Ana", "new"]
    chat.tap_on(chat.messages[0], "More")
    assert chat.last.text == "R$ 10"


def test_a_circle_that_waits_for_nobody_goes_on_slowly() -> None:
    steps: Steps = [
        {"key": "a", "then": {"kind": "goto", "step": "b"}},
        {"key": "b", "then": {"kind": "goto", "step": "a"}},
    ]
    chat = chat_with(*steps)
    chat.send("/start")
    assert (len(chat.store.visits), chat.timers) == (50, {"after": 60})
    chat.wait(seconds=60)
    assert (len(chat.store.visits), chat.timers) == (100, {"after": 60})


def test_flows_that_lead_to_each_other_end_after_five_jumps() -> None:
    chat = chat_with({"key": "a", "then": {"kind": "flow", "flow": "second"}})
    chat.store.publish_flow("second", document({"key": "b", "then": {"kind": "flow", "flow": "main"}}))
    chat.send("/start")
    assert chat.store.visits == [(5, "a"), (5, "b")] * 3
    assert step_of(chat) == ("b", "ended")


def test_a_flow_that_leads_to_one_that_is_not_there_ends_and_says_so() -> None:
    chat = chat_with({"key": "a", "messages": [said("a", button("flow", "Other", flow="none"))]})
    chat.send("/start")
    chat.tap("Other")
    assert (chat.notice, step_of(chat)) == ("This conversation has ended.", ("a", "ended"))


def test_an_old_button_of_another_flow_begins_that_one_anew_or_leaves_the_person_where_they_are() -> None:
    first = {
        "key": "a",
        "messages": [
            said("a {x}", to("b", "On"), button("tag", "Tag", tag="t"), button("pay", "Pay {x}", stars=5))
        ],
    }
    chat = chat_with(first, {"key": "b", "messages": [said("b {x}")]}, variables={"x": "1"})
    chat.send("/start")
    second = {
        "key": "a",
        "actions": [{"kind": "goal", "goal": "seen"}],
        "messages": [said("other")],
        "follow_ups": [{"after": 60, "step": "a"}],
    }
    chat.store.publish_flow("second", document(second, variables={"x": "2", "y": "3"}))
    chat.replace_plugins((FlowPlugin, {"flow": "second"}))
    chat.send("/start")
    chat.wait(seconds=1)
    before = chat.store.runs[5]
    shown = chat.messages[0]
    chat.tap_on(shown, "Tag")
    chat.tap_on(shown, "Pay 1")
    assert (chat.store.runs[5], chat.timers, chat.leads[5].tags) == (before, {"follow_up:0": 59}, ("t",))
    assert [params["title"] for method, params in chat.telegram.calls if method == "sendInvoice"] == ["Pay 1"]
    chat.wait(minutes=1)
    chat.tap_on(shown, "On")
    run = chat.store.runs[5]
    assert (run.step, dict(run.variables), run.goals, chat.timers) == ("b", {"x": "1"}, frozenset(), {})
    assert run.started_at > before.started_at
    assert chat.last.text == "b 1"
