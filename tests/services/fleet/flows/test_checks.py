"""What is found wrong with a flow: each finding by its code, its severity and its place."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.fleet.flows.checks.checking import check
from services.fleet.flows.checks.content import Known
from services.fleet.flows.checks.findings import ERRORS, WARNINGS, Severity
from services.fleet.flows.fields import Template
from services.fleet.flows.sources import template
from services.fleet.media.checking import KnownMedia

SENDERS = {1: "@red_bot", 2: "@blue_bot"}
MEDIA = {
    5: KnownMedia("lost.png", "image/png", 9, is_here=False),
    6: KnownMedia("gone.png", "image/png", 9, is_here=False, known_by={(1, "photo")}, bots=SENDERS),
    7: KnownMedia("film.mp4", "video/mp4", 9),
    9: KnownMedia("large.png", "image/png", 11 * 2**20),
    10: KnownMedia("a.png", "image/png", 9),
}
BEHIND = {"round": frozenset({"other", "sales"}), "other": frozenset({"own", "round"})}
KNOWN = Known(flows={"sales": True, "new": False, "round": True}, media=MEDIA, key="own", behind=BEHIND)
END = {"kind": "end"}


def step(key: str = "start", *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"key": key, "messages": list(messages), **more}


def flow(*steps: dict[str, Any], start: str = "start", **more: Any) -> dict[str, Any]:
    return {"start": start, "steps": list(steps), **more}


def one(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A flow of one step that ends on purpose unless told otherwise."""
    return flow(step("start", *messages, **{"then": END, **more}))


def button(**fields: Any) -> dict[str, Any]:
    return {"text": "hi", "buttons": [[{"text": "Go", **fields}]]}


def goto(key: str) -> dict[str, Any]:
    return {"kind": "goto", "step": key}


M, B = ("steps", 0, "messages", 0), ("steps", 0, "messages", 0, "buttons", 0, 0)
ODDITIES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**12)
    | st.sampled_from(["", "a", "start", "{", "<b>", "https://["]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["key", "kind", "step"]), inner, max_size=2)
    ),
    max_leaves=4,
)
CASES: dict[str, tuple[dict[str, Any], tuple[str | int, ...]]] = {
    "flow_start_missing": (flow(step(then=END), start="else"), ("start",)),
    "flow_step_repeated": (flow(step(then=END), step(then=END)), ("steps", 1, "key")),
    "flow_step_missing": (one(then=goto("away")), ("steps", 0, "then", "step")),
    "flow_loop": (flow(step(then=goto("b")), step("b", then=goto("start"))), ("steps", 0, "then")),
    "flow_loop_of_flows": (
        flow(step(then=goto("b")), step("b", {"text": "a"}, then={"kind": "flow", "flow": "round"})),
        ("steps", 1, "then", "flow"),
    ),
    "flow_step_unreachable": (flow(step(then=END), step("b", then=END)), ("steps", 1)),
    "flow_dead_end": (flow(step("start", {"text": "bye"})), ("steps", 0)),
    "flow_after_alone": (flow(step(after=5, replies=[{"step": "start"}])), ("steps", 0, "after")),
    "flow_reply_shadowed": (
        one(replies=[{"equals": "a", "step": "start"}, {"step": "start"}, {"equals": "b", "step": "start"}]),
        ("steps", 0, "replies", 2),
    ),
    "flow_unknown": (one(button(kind="flow", flow="away")), (*B, "flow")),
    "flow_unpublished": (one(then={"kind": "flow", "flow": "new"}), ("steps", 0, "then", "flow")),
    "flow_media_unknown": (one({"kind": "photo", "media": 8}), (*M, "media")),
    "flow_media_kind": (one({"kind": "photo", "media": 7}), (*M, "media")),
    "flow_media_too_large": (one({"kind": "photo", "media": 9}), (*M, "media")),
    "flow_media_gone": (one({"kind": "photo", "media": 6}), (*M, "media")),
    "flow_media_lost": (one({"kind": "photo", "media": 5}), (*M, "media")),
    "flow_video_note_address": (one({"kind": "video_note", "media": "https://example.org/a"}), (*M, "media")),
    "flow_document_address": (one({"kind": "document", "media": "https://example.org/a.doc"}), (*M, "media")),
    "flow_caption_unsupported": (one({"kind": "video_note", "media": 7, "text": "x"}), (*M, "text")),
    "flow_url_refused": (one(button(kind="url", url="https://10.0.0.1/")), (*B, "url")),
    "flow_url_variable": (
        one(actions=[{"kind": "call", "url": "https://{id}.example.org/"}]),
        ("steps", 0, "actions", 0, "url"),
    ),
    "flow_url_variable_unknown": (
        one(button(kind="web_app", url="https://example.org/{first_name}")),
        (*B, "url"),
    ),
    "flow_buttons_too_many": (
        one({"text": "x", "buttons": [[{"kind": "tag", "tag": "a", "text": "b"}] * 8] * 13}),
        (*M, "buttons"),
    ),
    "flow_text_may_be_too_long": (
        flow(step("start", {"text": "{a}{a}{a}{a}{a}"}, then=END), variables={"a": "x"}),
        (*M, "text"),
    ),
    # Found by Telegram's rules for texts, and by the fields themselves.
    "text_too_long": (one({"text": "😀" * 2049}), (*M, "text")),
    "text_may_be_blank": (one({"text": "{first_name}"}), (*M, "text")),
    "text_variable_unknown": (one({"text": "Hi {nobody}"}), (*M, "text")),
    "text_tag_unclosed": (one({"text": "<b>Hi"}), (*M, "text")),
    "text_blank": (one(button(kind="tag", tag="\u2800")), (*B, "tag")),
    "flow_button_incomplete": (one(button(kind="pay")), B),
    "flow_field_missing": (one(actions=[{"kind": "goal"}]), ("steps", 0, "actions", 0, "goal")),
    "flow_field_unknown": (
        one(actions=[{"kind": "tag", "tag": "a", "x": 1}]),
        ("steps", 0, "actions", 0, "x"),
    ),
    "flow_field_wrong": (one(then={"kind": "goto", "step": "No Key"}), ("steps", 0, "then", "step")),
}


@pytest.mark.parametrize("code", CASES)
def test_each_fault_is_found_alone_at_its_place(code: str) -> None:
    document, place = CASES[code]
    (found,) = check(document, KNOWN)
    assert (found.code, found.place) == (code, place)
    assert (found.severity is Severity.WARNING) == (code in WARNINGS)
    assert found.step == (None if place == ("start",) else document["steps"][place[1]]["key"])
    assert str(found.text)


def test_every_code_of_ours_has_a_case() -> None:
    assert (ERRORS.keys() | WARNINGS.keys()) - CASES.keys() == set()


def everything() -> dict[str, Any]:
    """A flow with every kind of part."""
    buttons = [
        [{"kind": "url", "text": "Site", "url": "https://example.org/?u={id}"}],
        [{"kind": "web_app", "text": "App", "url": "https://example.org/app"}],
        [{"kind": "step", "text": "Next", "step": "b"}, {"kind": "flow", "text": "Sales", "flow": "sales"}],
        [
            {"kind": "pay", "text": "Pay", "stars": 5, "step": "b"},
            {"kind": "tag", "text": "Vip", "tag": "vip"},
        ],
    ]
    actions = [
        {"kind": "tag", "tag": "seen"},
        {"kind": "set", "name": "plan", "value": "basic"},
        {"kind": "goal", "goal": "lead", "value": "9.90", "currency": "BRL"},
        {"kind": "call", "url": "https://example.org/{id}", "save": {"price": "a.b"}, "failed": "b"},
    ]
    first = step(
        "start",
        {"text": "Hi <b>{first_name}</b>, {plan} costs {price}", "buttons": buttons},
        {"kind": "photo", "media": 10, "text": "{city}"},
        actions=actions,
        replies=[{"contains": "help", "step": "b"}, {"save": "city", "step": "b"}],
        follow_ups=[{"after": 60, "step": "b"}],
        after=5,
        then={"kind": "branch", "cases": [{"when": {"tag": "vip"}, "step": "c"}], "otherwise": "b"},
    )
    split = {
        "kind": "split",
        "name": "ab",
        "arms": [{"name": "a", "percent": 50, "step": "start"}, {"name": "b", "percent": 50, "step": "b"}],
    }
    last = step("c", {"text": "Wait"}, then={"kind": "handover", "step": "d"})
    return flow(first, step("b", {"text": "b"}, then=END), last, step("d", after=9, then=split))


EVERYTHING = everything()


def test_a_flow_that_uses_everything_has_nothing_against_it() -> None:
    assert check(EVERYTHING, KNOWN) == []


def test_a_wait_in_a_circle_ends_it_and_a_circle_is_told_once() -> None:
    slow = flow(step(then=goto("b"), after=1), step("b", then=goto("start")))
    assert check(slow, KNOWN) == []
    (found,) = check(flow(step(then=goto("b")), step("b", then=goto("c")), step("c", then=goto("b"))), KNOWN)
    assert (found.step, found.text.values["steps"]) == ("b", "b → c → b")


def test_what_is_incomplete_keeps_the_rest_from_no_check() -> None:
    draft = flow(
        step("start", {"text": "hi", "buttons": [[{"kind": "step", "text": "Go", "step": "b"}]]}),
        step("b", {"text": ""}),  # being written
        step("c", {"text": "<i>x"}, then=goto("away")),
    )
    found = [(each.code, each.place[:2]) for each in check(draft, KNOWN)]
    assert found == [
        ("flow_text_missing", ("steps", 1)),
        ("flow_step_missing", ("steps", 2)),
        ("text_tag_unclosed", ("steps", 2)),
    ]


@pytest.mark.parametrize(
    "draft", [{}, {"steps": 3}, {"start": 1, "steps": [5, {"key": 4}, {}]}, {"steps": []}]
)
def test_what_is_no_flow_at_all_is_told_and_breaks_nothing(draft: dict[str, Any]) -> None:
    assert check(draft, KNOWN)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_whatever_a_draft_holds_it_can_be_checked(data: st.DataObject) -> None:
    """Anything at all in the place of any value of a flow that was sound."""
    document = copy.deepcopy(data.draw(st.sampled_from([EVERYTHING, template(Template.SHORT_VIDEO, "en")])))
    for _ in range(data.draw(st.integers(1, 3))):
        here: Any = document
        while isinstance(here, dict | list) and here:
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            key = data.draw(st.sampled_from(keys))
            if not isinstance(here[key], dict | list) or data.draw(st.integers(0, 4)) == 0:
                here[key] = data.draw(ODDITIES)
                break
            here = here[key]
    for found in check(document, KNOWN):
        assert str(found.text)
        at: Any = document
        for part in found.place[:-1]:
            at = at[part]  # every place is in the document, but for a last part that is missing


def test_a_draft_of_ten_thousand_steps_is_refused_for_its_length_and_its_beginning_alone_is_looked_at() -> (
    None
):
    """All that fits into a draft, as a chain that the search for circles would have to follow from every step."""
    count = 10_000
    steps = [step(f"s{n}", then=goto(f"s{n + 1}")) for n in range(count - 1)]
    draft = flow(*steps, step(f"s{count - 1}", then=goto("s0")), start="s0")
    began = time.process_time()
    found = check(draft, KNOWN)
    assert time.process_time() - began < 1
    assert {each.code for each in found} == {"flow_field_wrong"}


def test_a_flow_with_thousands_of_variables_is_checked_soon_and_few_of_them_are_listed() -> None:
    saved = [
        step(
            f"s{n}",
            *[{"text": "{nobody}"}] * 5,
            actions=[
                {
                    "kind": "call",
                    "url": "https://example.org/",
                    "save": {f"a{n}_{i}_{k}": "x" for k in range(10)},
                }
                for i in range(10)
            ],
            then=END,
        )
        for n in range(200)
    ]
    began = time.process_time()
    found = check(flow(*saved, start="s0"), KNOWN)
    assert time.process_time() - began < 3
    unknown = next(each for each in found if each.code == "text_variable_unknown")
    assert len(str(unknown.text.values["known"])) < 2000
