"""The templates: whole but for the video, the same in both languages, and leading to a purchase."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from plugins.flows.document import FlowDocument, edges
from plugins.flows.parts import ReachGoal
from services.core.errors import InvalidInput
from services.fleet.flows.checks.checking import check
from services.fleet.flows.checks.content import Known
from services.fleet.flows.fields import NewFlow, Template
from services.fleet.flows.sources import document_of, template, templates

BOTH = [(name, language) for name in Template for language in ("pt", "en")]


def with_video(document: dict[str, Any]) -> dict[str, Any]:
    whole = copy.deepcopy(document)
    whole["steps"][0]["messages"][0]["media"] = "https://example.org/video.mp4"
    return whole


@pytest.mark.parametrize(("name", "language"), BOTH)
def test_all_that_a_template_lacks_is_its_video(name: Template, language: str) -> None:
    document = template(name, language)
    assert [each.code for each in check(document, Known())] == ["flow_media_missing"]
    assert check(with_video(document), Known()) == []


@pytest.mark.parametrize("name", list(Template))
def test_both_languages_have_the_same_ways_and_prices(name: Template) -> None:
    first, second = (FlowDocument.model_validate(with_video(template(name, each))) for each in ("pt", "en"))
    assert list(edges(first)) == list(edges(second))
    prices = [[button.stars for step in each.steps for button in step.buttons] for each in (first, second)]
    assert prices[0] == prices[1]
    # A payment is the goal "purchase" by itself; said once more it would be counted twice.
    goals = {action.goal for step in first.steps for action in step.actions if isinstance(action, ReachGoal)}
    assert goals == {"order_bump"}


def test_the_list_names_what_there_is() -> None:
    assert [(each["name"], each["languages"]) for each in templates()] == [
        ("short-video", ["en", "pt"]),
        ("long-video", ["en", "pt"]),
    ]


def test_a_flow_begins_with_one_thing() -> None:
    assert document_of(NewFlow(name="x", template=Template.LONG_VIDEO, language="en")) == template(
        Template.LONG_VIDEO, "en"
    )
    with pytest.raises(InvalidInput) as refused:
        document_of(NewFlow(name="x", template=Template.LONG_VIDEO, yaml="a: b"))
    assert refused.value.code == "flow_sources"
