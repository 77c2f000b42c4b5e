"""A flow as data: what one part alone can get wrong is refused, and every way from step to step is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from plugins.flows.document import FlowDocument, edges
from plugins.flows.parts import Button, Condition, Message, ReachGoal, Split

STEPS: list[dict[str, Any]] = [
    {
        "key": "hello",
        "actions": [{"kind": "call", "url": "https://api.example/plan", "failed": "sorry"}],
        "messages": [{"text": "Hi", "buttons": [[{"kind": "step", "text": "More", "step": "offer"}]]}],
        "replies": [{"contains": "price", "step": "offer"}],
        "follow_ups": [{"after": 600, "step": "sorry"}],
    },
    {
        "key": "offer",
        "then": {
            "kind": "branch",
            "cases": [{"when": {"tag": "paid"}, "step": "hello"}],
            "otherwise": "sorry",
        },
    },
    {"key": "sorry", "after": 60, "then": {"kind": "goto", "step": "hello"}},
]


def test_every_way_from_step_to_step_is_told() -> None:
    document = FlowDocument.model_validate({"start": "hello", "steps": STEPS})
    found = [(edge.source, edge.target, edge.kind, edge.at_once, edge.place) for edge in edges(document)]
    assert found == [
        ("hello", "offer", "button", False, (0, 0, 0)),
        ("hello", "offer", "reply", False, (0,)),
        ("hello", "sorry", "follow_up", False, (0,)),
        ("hello", "sorry", "failed", True, (0,)),
        ("offer", "hello", "branch", True, (0,)),
        ("offer", "sorry", "branch", True, (1,)),
        ("sorry", "hello", "goto", False, ()),
    ]


@pytest.mark.parametrize(
    ("part", "given", "code"),
    [
        (Button, {"kind": "url", "text": "Buy"}, "flow_button_incomplete"),
        (Button, {"kind": "pay", "text": "Buy"}, "flow_button_incomplete"),
        (Message, {"kind": "text", "text": " "}, "flow_text_missing"),
        (Message, {"kind": "photo", "text": "Look"}, "flow_media_missing"),
        (Message, {"kind": "photo", "media": "http://example.org/a.jpg"}, "flow_media_address"),
        (ReachGoal, {"kind": "goal", "goal": "sale", "value": "9.90"}, "flow_goal_worth"),
        (Condition, {}, "flow_condition_empty"),
        (Condition, {"variable": "plan"}, "flow_condition_variable"),
        (
            Split,
            {
                "kind": "split",
                "name": "offer",
                "arms": [
                    {"name": "a", "percent": 50, "step": "a"},
                    {"name": "b", "percent": 49, "step": "b"},
                ],
            },
            "flow_split_sum",
        ),
    ],
)
def test_what_one_part_gets_wrong_is_refused(part: type[Any], given: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        part.model_validate(given)
    assert [error["type"] for error in caught.value.errors()] == [code]
