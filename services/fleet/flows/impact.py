"""What publishing a flow would mean: who stands at steps that would go, and which bots play the flow."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Flow, FlowVersion
from plugins.flows.document import FlowDocument
from services.core.errors import NotFound
from services.fleet.flows.checks.checking import check, known_of
from services.fleet.flows.checks.findings import Finding, FindingView, view
from services.fleet.flows.checks.shape import read
from services.fleet.flows.documents import document_at
from services.fleet.flows.users import bots_using
from services.fleet.flows.views import people_at_steps
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform


class RemovedStep(TypedDict):
    """A step of the version in force that the new one has no more, and how many people stand there now."""

    step: str
    title: str
    people: int


class BotName(TypedDict):
    """A bot that plays the flow."""

    bot_id: int
    username: str


class ImpactView(TypedDict):
    """What publishing would mean. `revision` is the draft's, `version` the number in force (null: none yet): both are said
    when it is published, so that nobody publishes another thing than was shown."""

    revision: int
    version: int | None
    findings: list[FindingView]
    removed: list[RemovedStep]
    bots: list[BotName]


@dataclass(frozen=True)
class Impact:
    """The same; `titles` and `people` are by the keys of the steps that would go, in the order of the version in force."""

    titles: dict[str, str]
    people: dict[str, int]


def draft_impact(platform: Platform, caller: Principal, flow_id: int) -> ImpactView:
    """What publishing the draft of the caller's flow would mean. Raises NotFound."""
    return _shown(platform, caller, flow_id, None)


def version_impact(platform: Platform, caller: Principal, flow_id: int, number: int) -> ImpactView:
    """What bringing back an older version would mean. Raises NotFound, `version_not_found` too."""
    return _shown(platform, caller, flow_id, number)


def impact(session: Session, flow: Flow, document: FlowDocument) -> Impact:
    """What making `document` the version in force would mean for the people of the flow.

    Beside the steps of the version in force those count at which people stand though it has them no more: somebody was on
    the way there while it was published.
    """
    kept = {step.key for step in document.steps}
    present = document_at(session, flow.id, flow.published) if flow.published else None
    titles = {step.key: step.title for step in (present.steps if present else ()) if step.key not in kept}
    counted = {step: count for step, count in people_at_steps(session, flow.id).items() if step not in kept}
    titles |= {step: "" for step in counted if step not in titles}
    return Impact(titles, {step: counted.get(step, 0) for step in titles})


def _removed(found: Impact) -> list[RemovedStep]:
    """The steps that would go, as programs see them."""
    return [
        {"step": step, "title": found.titles[step], "people": people} for step, people in found.people.items()
    ]


def version_of(session: Session, flow: Flow, number: int) -> FlowVersion:
    """One of a flow's versions; NotFound `version_not_found`."""
    version = session.get(FlowVersion, (flow.id, number))
    if version is None:
        raise NotFound("The flow has no such version", code="version_not_found")
    return version


def _shown(platform: Platform, caller: Principal, flow_id: int, number: int | None) -> ImpactView:
    with looking(platform, caller) as session:
        flow = get_owned(session, caller, Flow, flow_id)
        raw = flow.draft if number is None else version_of(session, flow, number).document
        findings: list[Finding] = check(
            raw, known_of(session, platform.settings, flow.account_id, raw, flow.key)
        )
        return {
            "revision": flow.draft_revision,
            "version": flow.published,
            "findings": [view(each) for each in findings],
            "removed": _removed(impact(session, flow, read(raw).document)),
            "bots": [
                {"bot_id": bot.id, "username": bot.username}
                for bot in bots_using(session, flow.account_id, flow.key)
            ],
        }
