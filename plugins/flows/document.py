"""A flow as data: steps with messages and buttons, what moves a person on, and nothing that runs.

The engine plays a document; the editor, the checks and the import read and write the same one. What one field alone can get
wrong is refused in `parts`; what needs the whole flow or the account (a step that is not there, media of somebody else) is
checked where it is saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from plugins.flows.parts import (
    Action,
    Branch,
    Button,
    CallApi,
    FollowUp,
    Goto,
    HandOver,
    Message,
    Name,
    Next,
    Part,
    Split,
    StepKey,
    TextReply,
    Wait,
)
from plugins.texts import PLAIN_TEXT

MOST_STEPS: Final = 200
MOST_MESSAGES: Final = 10  # of a step


class Step(Part):
    """A place in the flow: on entering, actions and then messages; then it waits for what moves the person on, or goes on by
    `then` (`after` seconds later, if given). A step with nothing to wait for and no `then` is a dead end.
    """

    key: StepKey
    title: Annotated[str, PLAIN_TEXT] = Field("", max_length=80)
    actions: list[Action] = Field(default_factory=list, max_length=20)
    messages: list[Message] = Field(default_factory=list, max_length=MOST_MESSAGES)
    replies: list[TextReply] = Field(default_factory=list, max_length=20)
    follow_ups: list[FollowUp] = Field(default_factory=list, max_length=10)
    after: Wait | None = None
    then: Next | None = None

    @property
    def buttons(self) -> Iterator[Button]:
        """All its buttons."""
        return (button for message in self.messages for row in message.buttons for button in row)


class FlowDocument(Part):
    """A whole flow. People enter it at `start`."""

    start: StepKey
    steps: list[Step] = Field(min_length=1, max_length=MOST_STEPS)
    variables: dict[Name, Annotated[str, Field(max_length=500)]] = Field(default_factory=dict, max_length=50)

    def step(self, key: str) -> Step | None:
        """The step of that key."""
        return next((step for step in self.steps if step.key == key), None)


class Edge(BaseModel):
    """A way from one step to another; `at_once` when nobody and nothing is waited for."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    source: str
    target: str
    kind: Literal["button", "reply", "follow_up", "goto", "branch", "split", "handover", "failed"]
    at_once: bool
    place: tuple[
        int, ...
    ] = ()  # which of them: (message, row, button), (reply,), (follow-up,), (case,) or (arm,)


def edges(document: FlowDocument) -> Iterator[Edge]:
    """Every way from step to step, those to steps that are not there included."""
    for step in document.steps:
        yield from _edges_of(step)


def _edges_of(step: Step) -> Iterator[Edge]:
    def edge(target: str, kind: Any, *place: int, at_once: bool = False) -> Edge:
        return Edge(source=step.key, target=target, kind=kind, at_once=at_once, place=place)

    for number, message in enumerate(step.messages):
        for row, buttons in enumerate(message.buttons):
            for column, button in enumerate(buttons):
                if button.step:
                    yield edge(button.step, "button", number, row, column)
    yield from (edge(reply.step, "reply", number) for number, reply in enumerate(step.replies))
    yield from (edge(each.step, "follow_up", number) for number, each in enumerate(step.follow_ups))
    for number, action in enumerate(step.actions):
        if isinstance(action, CallApi) and action.failed:
            yield edge(action.failed, "failed", number, at_once=True)
    yield from (edge(target, kind, *place, at_once=at_once) for target, kind, place, at_once in _then(step))


def _then(step: Step) -> Iterator[tuple[str, str, tuple[int, ...], bool]]:
    at_once = step.after is None
    match step.then:
        case Goto(step=target):
            yield target, "goto", (), at_once
        case Branch() as branch:
            yield from ((each.step, "branch", (n,), at_once) for n, each in enumerate(branch.cases))
            yield branch.otherwise, "branch", (len(branch.cases),), at_once
        case Split() as split:
            yield from ((arm.step, "split", (n,), at_once) for n, arm in enumerate(split.arms))
        case HandOver(step=str() as target):
            yield target, "handover", (), False
        case _:
            return
