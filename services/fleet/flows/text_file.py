"""All texts of a flow's draft as one readable file, and back with what would change shown first."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from plugins.flows.document import FlowDocument, Step
from plugins.flows.parts import MessageKind
from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text
from services.fleet.configuration import text_file
from services.fleet.configuration.text_file import ReadText, TextProblem
from services.fleet.configuration.texts import TextChange, TextProblemView, TextsPlan
from services.fleet.flows.checks.findings import Place, Severity
from services.fleet.flows.checks.shape import read
from services.fleet.flows.checks.texts import check_texts, own_variables
from services.fleet.flows.drafts import locked_flow, write_draft
from services.fleet.flows.flows import get_flow
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform


def flow_texts(platform: Platform, caller: Principal, flow_id: int) -> str:
    """Every text that the draft says, each below a header `## step.place`. Raises NotFound, InvalidInput `flow_incomplete`."""
    draft = get_flow(platform, caller, flow_id).draft
    return text_file.written(_texts(draft))


def change_flow_texts(
    platform: Platform, caller: Principal, flow_id: int, document: str, *, if_plan: str | None
) -> TextsPlan:
    """What a file changes of the draft's texts; changed all together where `if_plan` is the plan that was shown.

    Raises NotFound; InvalidInput with the line of the first mistake, `flow_incomplete` for a draft whose fields are not
    whole; Conflict `plan_changed` when the changes are no longer those of the plan.
    """
    with platform.database.transaction() as session:
        flow = locked_flow(session, caller, flow_id)
        wanted, problems = _read(flow.draft, document)
        if problems:
            raise problems[0].error
        changes = _changes(_texts(flow.draft), wanted)
        plan = sha256(json.dumps([flow.id, changes]).encode()).hexdigest()
        if if_plan is not None and if_plan != plan:
            raise Conflict("Something changed since these changes were shown", code="plan_changed")
        if if_plan is None or not changes:
            return {"changes": changes, "plan": plan, "applied": False}
        write_draft(session, caller, flow, _with(flow.draft, changes))
    return {"changes": changes, "plan": plan, "applied": True}


def check_flow_texts(
    platform: Platform, caller: Principal, flow_id: int, document: str
) -> list[TextProblemView]:
    """All that is against taking the draft's texts from a file, in the order of its lines; changes nothing."""
    flow = get_flow(platform, caller, flow_id)
    _, problems = _read(flow.draft, document)
    return [{"line": each.line, "code": each.error.code, "detail": each.error.text} for each in problems]


def _read(draft: Mapping[str, Any], document: str) -> tuple[dict[str, ReadText], list[TextProblem]]:
    """The texts of the file, and every mistake in it, by line."""
    present = _texts(draft)
    wanted, problems = text_file.read(document)
    for header, found in wanted.items():
        if header not in present:
            sentence = Text("Line {line}: the flow has no text {place}", line=found.header_line, place=header)
            error = InvalidInput(sentence, code="texts_unknown", field="document")
            problems.append(TextProblem(found.header_line, error))
    missing = [header for header in present if header not in wanted]
    if missing:
        sentence = Text("The file lacks {place}", place=", ".join(missing[:5]))
        problems.append(TextProblem(0, InvalidInput(sentence, code="texts_missing", field="document")))
    problems += _wrong_texts(_with(draft, _changes(present, wanted)), wanted)
    return wanted, sorted(problems, key=lambda each: each.line or sys.maxsize)


def _wrong_texts(changed: Mapping[str, Any], wanted: Mapping[str, ReadText]) -> Iterator[TextProblem]:
    """What is against the texts themselves: fields that are not whole with them, and what Telegram would refuse."""
    shape = read(changed)
    if shape.is_whole:
        own = own_variables(shape.document)
        for step in shape.document.steps:
            for each in check_texts(step, own):
                if each.severity is Severity.ERROR:
                    place = (step.key, *each.place)
                    yield from _placed(".".join(map(str, place)), each.code, each.text, wanted)
    for each in shape.findings:
        place = (each.step or "", *each.place[2:])
        yield from _placed(".".join(map(str, place)), each.code, each.text, wanted)


def _placed(header: str, code: str, text: Text, wanted: Mapping[str, ReadText]) -> Iterator[TextProblem]:
    """The problem at the line of its text; lines within a text are counted from the file's beginning."""
    mine = wanted.get(header) or next(
        (each for place, each in wanted.items() if place.startswith(f"{header}.")), None
    )
    if mine is None:
        return  # nothing that the file says
    inside = text.values.get("line")
    line = mine.line + inside - 1 if isinstance(inside, int) else mine.header_line
    yield TextProblem(line, InvalidInput(_at_line(text, line), code=code, field=header))


def _at_line(text: Text, line: int) -> Text:
    return text.with_values(line=line) if "line" in text.values else text


def _texts(draft: Mapping[str, Any]) -> dict[str, str]:
    shape = read(draft)
    keys = [step.key for step in shape.document.steps]
    if not shape.is_whole or len(set(keys)) < len(keys):
        raise InvalidInput(
            "The draft is incomplete; mend what its check says first", code="flow_incomplete", field="draft"
        )
    return {header: text for header, _, text in _places(shape.document)}


def _places(document: FlowDocument) -> Iterator[tuple[str, Place, str]]:
    """What people read: its header, its place in the document, and the text."""
    for number, step in enumerate(document.steps):
        for within, text in _within(step):
            yield ".".join(map(str, (step.key, *within))), ("steps", number, *within), text


def _within(step: Step) -> Iterator[tuple[Place, str]]:
    for index, message in enumerate(step.messages):
        here = ("messages", index)
        if message.kind is not MessageKind.VIDEO_NOTE:  # which has no caption
            yield (*here, "text"), message.text
        for row, buttons in enumerate(message.buttons):
            for column, button in enumerate(buttons):
                yield (*here, "buttons", row, column, "text"), button.text


def _with(draft: Mapping[str, Any], changes: list[TextChange]) -> dict[str, Any]:
    """The draft with these texts changed."""
    new = {change["path"]: change["new"] for change in changes}
    changed = copy.deepcopy(dict(draft))
    for header, (*parents, last), _ in _places(FlowDocument.model_validate(changed)):
        if header in new:
            _at(changed, parents)[last] = new[header]
    return changed


def _changes(present: Mapping[str, str], wanted: Mapping[str, ReadText]) -> list[TextChange]:
    return [
        {"path": header, "old": old, "new": wanted[header].text}
        for header, old in present.items()
        if header in wanted and old != wanted[header].text
    ]


def _at(value: Any, place: list[str | int]) -> Any:
    for step in place:
        value = value[step]
    return value
