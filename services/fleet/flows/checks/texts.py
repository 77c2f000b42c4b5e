"""Texts of a flow within Telegram's limits, in UTF-16 units, with their variables filled in at their longest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

from pydantic_core import PydanticCustomError

from plugins.flows.document import FlowDocument, Step
from plugins.flows.parts import CallApi, Message, MessageKind, PutTag, SetVariable
from plugins.texts import (
    KINDS,
    LONGEST_CAPTION,
    LONGEST_MESSAGE,
    PLAIN_TEXT,
    VARIABLE,
    VARIABLES,
    OwnVariable,
    TelegramText,
)
from services.core.i18n import Text
from services.fleet.flows.checks.findings import Finding, Place, finding

LONGEST_VALUE: Final = 500  # characters of a variable of the flow's own
MOST_LISTED: Final = 100  # variables that a finding names: a flow can have tens of thousands

OwnVariables = Mapping[str, OwnVariable]  # by name


def check_texts(step: Step, own: OwnVariables) -> Iterator[Finding]:
    """Findings about all texts of a step; `own` are the variables of its flow."""
    for place, message in enumerate(step.messages):
        here = ("messages", place)
        yield from _message(message, own, step, here)
        for row, buttons in enumerate(message.buttons):
            for column, button in enumerate(buttons):
                yield from _plain(button.text, step, (*here, "buttons", row, column, "text"))
                if button.tag is not None:
                    yield from _plain(button.tag, step, (*here, "buttons", row, column, "tag"))
    if step.title:
        yield from _plain(step.title, step, ("title",))
    for place, action in enumerate(step.actions):
        if isinstance(action, PutTag):
            yield from _plain(action.tag, step, ("actions", place, "tag"))


def own_variables(document: FlowDocument) -> dict[str, OwnVariable]:
    """The variables that a flow declares or sets somewhere. One that is declared with a value is never empty."""
    names = dict.fromkeys(document.variables)
    for step in document.steps:
        names |= dict.fromkeys(reply.save for reply in step.replies if reply.save)
        for action in step.actions:
            if isinstance(action, SetVariable):
                names[action.name] = None
            elif isinstance(action, CallApi):
                names |= dict.fromkeys(action.save)
    return {
        name: OwnVariable(name, 1 if document.variables.get(name) else 0, LONGEST_VALUE)
        for name in names
        if name not in VARIABLES
    }


def _named(text: str, own: OwnVariables) -> tuple[OwnVariable, ...]:
    """The flow's variables that a text names; if it names one that there is not, others too, for the finding lists them."""
    names = dict.fromkeys(found[1] for found in VARIABLE.finditer(text))
    if any(name not in VARIABLES and name not in own for name in names):
        names = dict.fromkeys([*islice(own, MOST_LISTED), *names])
    return tuple(own[name] for name in names if name in own)


def _message(message: Message, known: OwnVariables, step: Step, here: Place) -> Iterator[Finding]:
    is_text = message.kind is MessageKind.TEXT
    place = (*here, "text")
    if message.kind is MessageKind.VIDEO_NOTE and message.text:
        yield finding("flow_caption_unsupported", step.key, place)
    if not message.text:
        return
    own = _named(message.text, known)
    mark = TelegramText(
        variables=VARIABLES,
        longest=LONGEST_MESSAGE if is_text else LONGEST_CAPTION,
        may_be_blank=not is_text,
        own=tuple(replace(each, longest=each.shortest) for each in own),
    )
    found = _refused(mark, message.text, step, place)
    if found is not None:
        yield found
    elif own and (longer := _refused(replace(mark, own=own), message.text, step, place)) is not None:
        yield finding("flow_text_may_be_too_long", step.key, place, **longer.text.values)


def _plain(text: str, step: Step, place: Place) -> Iterator[Finding]:
    found = _refused(PLAIN_TEXT, text, step, place)
    if found is not None:
        yield found


def _refused(mark: TelegramText, text: str, step: Step, place: Place) -> Finding | None:
    try:
        mark.check(text)
    except PydanticCustomError as error:
        return Finding(error.type, Text(KINDS[error.type], **(error.context or {})), step.key, place)
    return None
