"""Flows that lead to each other without waiting cannot be published, whichever of them comes last."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.errors import InvalidInput
from services.fleet.flows.checks.checking import check_draft
from services.fleet.flows.checks.rounds import MOST_FLOWS, jumps_behind
from services.fleet.flows.checks.shape import read
from services.fleet.flows.drafts import save_draft
from services.fleet.flows.fields import NewFlow, Publication
from services.fleet.flows.flows import create_flow
from services.fleet.flows.publishing import publish
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account

CODE = "flow_loop_of_flows"


def leading_to(flow: str, **more: Any) -> dict[str, Any]:
    """A flow that says something and leaves for another."""
    first = {"key": "a", "messages": [{"text": "hi"}], "then": {"kind": "goto", "step": "b"}}
    return {"start": "a", "steps": [first, {"key": "b", "then": {"kind": "flow", "flow": flow}, **more}]}


END = {"start": "a", "steps": [{"key": "a", "messages": [{"text": "hi"}], "then": {"kind": "end"}}]}


def make(platform: Platform, owner: Principal, name: str, document: dict[str, Any]) -> int:
    return create_flow(platform, owner, NewFlow(name=name, key=name, document=document)).id


def in_force(platform: Platform, owner: Principal, flow_id: int) -> None:
    publish(platform, owner, flow_id, Publication(revision=1, version=None))


@pytest.mark.data
def test_the_flow_that_closes_a_circle_is_refused_and_the_circle_named(platform: Platform) -> None:
    owner = new_account(platform)
    make(platform, owner, "three", END)
    one = make(platform, owner, "one", leading_to("two"))
    two = make(platform, owner, "two", leading_to("three"))
    in_force(platform, owner, one)
    in_force(platform, owner, two)
    beside = make(platform, owner, "beside", leading_to("one"))
    assert CODE not in {each.code for each in check_draft(platform, owner, beside)}, (
        "nothing leads back to it"
    )
    save_draft(platform, owner, two, leading_to("one"), 1)
    [found] = [each for each in check_draft(platform, owner, two) if each.code == CODE]
    assert (found.step, found.place) == ("b", ("steps", 1, "then", "flow"))
    assert "two → one → two" in str(found.text)
    with pytest.raises(InvalidInput) as refused:
        publish(platform, owner, two, Publication(revision=2, version=1))
    assert refused.value.code == "flow_has_errors"
    save_draft(platform, owner, two, leading_to("one", after=60), 2)
    publish(platform, owner, two, Publication(revision=3, version=1))


def test_another_account_s_flows_close_no_circle(platform: Platform) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    make(platform, stranger, "two", END)
    in_force(platform, stranger, make(platform, stranger, "one", leading_to("two")))
    make(platform, owner, "one", leading_to("two"))  # a draft alone plays for nobody
    two = make(platform, owner, "two", leading_to("one"))
    in_force(platform, owner, two)


def test_what_is_looked_through_is_bounded() -> None:
    asked: list[str] = []

    def load(keys: frozenset[str]) -> dict[str, Any]:
        asked.extend(keys)
        return {key: read(leading_to(f"f{int(key[1:]) + 1}")).document for key in keys}

    found = jumps_behind(read(leading_to("f0")).document, "own", load)
    assert len(found) == len(asked) == MOST_FLOWS
