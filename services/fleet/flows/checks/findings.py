"""A finding about a flow: how bad it is, where, and what to do, in a text for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from typing_extensions import TypedDict

from services.core.answer_types import Sentence
from services.core.i18n import N_, Text, Value
from services.fleet.media.checking import PROBLEMS

Place = tuple[str | int, ...]  # from the document's root: ("steps", 2, "messages", 0, "text")


class Severity(StrEnum):
    """An error keeps a flow from being published, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing. `step` is the key of the step where it is, None for the flow as a whole."""

    code: str
    text: Text
    step: str | None = None
    place: Place = ()
    severity: Severity = Severity.ERROR


class FindingView(TypedDict):
    """Something that is wrong with a flow (`error`: it cannot be published so) or may be (`warning`). `place` leads from the
    document's root to the value, such as ["steps", 2, "messages", 0, "text"]."""

    code: str
    severity: str
    detail: Sentence
    step: str | None
    place: list[str | int]


ERRORS: Final = {
    "flow_start_missing": N_("There is no step {step} to begin with; choose the first step"),
    "flow_step_repeated": N_("Two steps have the key {step}; give one another key"),
    "flow_step_missing": N_("This leads to the step {step}, which is not there; choose another, or add it"),
    "flow_loop": N_(
        "{steps}: this goes in a circle without waiting for anybody; have one of these steps wait for a tap, a text or a time"
    ),
    "flow_loop_of_flows": N_(
        "{flows}: these flows lead to each other without waiting for anybody; have a step on the way wait for a tap, a text or a time"
    ),
    "flow_unknown": N_("There is no flow {flow}; make it, or choose another"),
    **{f"flow_{code}": text for code, text in PROBLEMS.items()},
    "flow_url_refused": N_("The address is refused: {reason}"),
    "flow_url_variable": N_("Variables may stand behind the host of an address, not in it"),
    "flow_buttons_too_many": N_("{count} buttons; Telegram takes {most} below one message"),
    "flow_caption_unsupported": N_(
        "Telegram shows no text with a video note; send the text as a message of its own"
    ),
    "flow_video_note_address": N_("Telegram fetches no video notes; put the file into the media library"),
}
WARNINGS: Final = {
    "flow_step_unreachable": N_("No way leads here from the first step"),
    "flow_dead_end": N_(
        "Nothing leads on from here: add a button, a follow-up or a next step, or end the flow on purpose"
    ),
    "flow_after_alone": N_("The wait does nothing, since no next step is chosen"),
    "flow_reply_shadowed": N_("The answer before this one takes every text, so this one never does"),
    "flow_unpublished": N_("The flow {flow} was not published yet; until it is, this leads nowhere"),
    "flow_url_variable_unknown": N_("Addresses know no {variable}; they know {known}"),
    "flow_text_may_be_too_long": N_(
        "{length} characters if all variables are as long as they can be; Telegram takes {longest}"
    ),
    "flow_document_address": N_(
        "Telegram fetches documents as .gif, .pdf or .zip only; others belong into the media library"
    ),
}


def finding(code: str, step: str | None, place: Place, /, **values: Value) -> Finding:
    """The finding with that code, its text filled in."""
    if code in WARNINGS:
        return Finding(code, Text(WARNINGS[code], **values), step, place, Severity.WARNING)
    return Finding(code, Text(ERRORS[code], **values), step, place)


def view(found: Finding) -> FindingView:
    """The finding as programs and the editor see it."""
    return {
        "code": found.code,
        "severity": str(found.severity),
        "detail": found.text,
        "step": found.step,
        "place": list(found.place),
    }
