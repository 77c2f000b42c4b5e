"""REST API of flows: drafts, checks, publishing, versions, and playing one in a simulated chat."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, url_for
from pydantic import Field
from typing_extensions import TypedDict

from blueprints.api.body import Body, Page, listing, page_of
from blueprints.api.operation import Created, operation
from services.core.answer_types import Listing
from services.fleet.flows import drafts, flows, impact, players, publishing, sources, versions, views
from services.fleet.flows.checks import checking
from services.fleet.flows.checks.findings import FindingView, view
from services.fleet.flows.fields import Document, Draft, NewFlow, Publication, Rename, Restoration
from services.fleet.flows.impact import ImpactView
from services.fleet.flows.players import FlowBotView
from services.fleet.flows.sources import TemplateView
from services.fleet.flows.versions import VersionView, WholeVersionView
from services.fleet.flows.views import FlowView, WholeFlowView
from services.messaging import flow_play
from services.messaging.flow_play import FlowPlayView, ScriptStep
from services.messaging.flows import starting
from services.messaging.flows.starting import FlowStart, FlowStarted
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.limiter import limiter
from web.platform import platform

LONGEST_TEXT = 4096  # characters of a message, as Telegram takes it
LONGEST_WAIT = 400 * 86_400  # seconds
MOST_BOTS = 5_000  # in one choice
OFTEN = limiter.shared_limit("300 per minute", "flow_play")  # somebody who writes asks twice a second
blueprint = Blueprint("flows", __name__, url_prefix="/flows")
ONE = "/<int:flow_id>"
VERSION = f"{ONE}/versions/<int:number>"


class Checked(Body):
    """A flow to be checked, whether it is saved or not."""

    document: Document


class Acts(Body):
    """What the person does: writes `text`, taps the button at `place` below the message `message_id` (pays an invoice), or
    waits `seconds`."""

    text: str = Field("", max_length=LONGEST_TEXT)
    message_id: int = Field(0, ge=0, le=100_000)
    place: int = Field(0, ge=0, le=100)
    seconds: int = Field(0, ge=0, le=LONGEST_WAIT)


class Script(Body):
    """A play: `/start` comes first by itself."""

    document: Document
    script: Annotated[list[Acts], Field(max_length=flow_play.MOST_STEPS)] = Field(default_factory=list)
    from_step: str | None = Field(None, max_length=40, description="begin there instead of at the first step")
    language: str = Field("pt", pattern=r"^[a-z]{2,3}$", description="of the person")


class Players(Body):
    """The bots that are to play the flow, all others of the account not."""

    bot_ids: list[int] = Field(max_length=MOST_BOTS)


class Published(TypedDict):
    """The version that bots play from now on."""

    number: int


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: Page) -> Listing[FlowView]:
    """The caller's flows, oldest first."""
    found = views.list_views(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(found, query, lambda flow: flow, lambda flow: flow["id"])


@blueprint.post("")
@api(Scope.WRITE)
@operation()
def create(body: NewFlow) -> Created[WholeFlowView]:
    """Make a flow of a document, a YAML file or a template; bots play it once it is published."""
    made = flows.create_flow(platform(), caller(), body)
    whole = views.flow_view(platform(), caller(), made.id)
    return Created(whole, url_for(".show", flow_id=made.id))


@blueprint.get("/templates")
@api(Scope.READ)
@operation()
def templates() -> Listing[TemplateView]:
    """Flows to begin with."""
    return listing(sources.templates())


@blueprint.get("/schema")
@api(Scope.READ)
@operation()
def schema() -> dict[str, Any]:
    """The JSON Schema of a flow's document."""
    return sources.schema()


@blueprint.post("/check")
@OFTEN
@api(Scope.WRITE)
@operation()
def check(body: Checked) -> Listing[FindingView]:
    """What is wrong with a flow, or may be; nothing is kept."""
    return listing([view(each) for each in checking.check_document(platform(), caller(), body.document)])


@blueprint.post("/simulate")
@OFTEN
@api(Scope.WRITE)
@operation()
def simulate(body: Script) -> FlowPlayView:
    """How a chat in the flow would stand after the script; nothing is kept or sent."""
    script = [ScriptStep(each.text, each.message_id, each.place, each.seconds) for each in body.script]
    return flow_play.simulate(
        platform(), caller(), body.document, script, language=body.language, from_step=body.from_step
    )


@blueprint.get(ONE)
@api(Scope.READ)
@operation()
def show(flow_id: int) -> WholeFlowView:
    """One flow with its draft, and the people at its steps."""
    return views.flow_view(platform(), caller(), flow_id)


@blueprint.patch(ONE)
@api(Scope.WRITE)
@operation()
def rename(flow_id: int, body: Rename) -> WholeFlowView:
    """Give the flow another name."""
    flows.rename_flow(platform(), caller(), flow_id, body.name)
    return views.flow_view(platform(), caller(), flow_id)


@blueprint.delete(ONE)
@api(Scope.WRITE)
@operation(errors=(409,))
def remove(flow_id: int) -> None:
    """Delete a flow with its versions; refused while a bot, a pool's behaviour or another flow names it."""
    flows.delete_flow(platform(), caller(), flow_id)


@blueprint.put(f"{ONE}/draft")
@api(Scope.WRITE)
@operation(errors=(409,))
def save(flow_id: int, body: Draft) -> WholeFlowView:
    """Save the draft; refused with 409 `draft_changed` when somebody else saved another one meanwhile."""
    drafts.save_draft(platform(), caller(), flow_id, body.document, body.revision)
    return views.flow_view(platform(), caller(), flow_id)


@blueprint.get(f"{ONE}/check")
@api(Scope.READ)
@operation()
def check_draft(flow_id: int) -> Listing[FindingView]:
    """What is wrong with the draft, or may be: errors first."""
    return listing([view(each) for each in checking.check_draft(platform(), caller(), flow_id)])


@blueprint.get(f"{ONE}/impact")
@api(Scope.READ)
@operation()
def show_impact(flow_id: int) -> ImpactView:
    """What publishing the draft would mean: findings, steps that go with the people who stand there, bots."""
    return impact.draft_impact(platform(), caller(), flow_id)


@blueprint.post(f"{ONE}/publish")
@api(Scope.WRITE)
@operation()
def publish(flow_id: int, body: Publication) -> Published:
    """Make the draft the version that bots play; people at steps that go are moved in the same step."""
    return {"number": publishing.publish(platform(), caller(), flow_id, body).number}


@blueprint.get(f"{ONE}/bots")
@api(Scope.READ)
@operation()
def list_bots(flow_id: int) -> Listing[FlowBotView]:
    """All bots of the account, and which of them play the flow."""
    return listing(players.flow_bots(platform(), caller(), flow_id))


@blueprint.put(f"{ONE}/bots")
@api(Scope.WRITE)
@operation(errors=(409,))
def choose_bots(flow_id: int, body: Players) -> Listing[FlowBotView]:
    """Have these bots play the flow, first of their plugins, and no others of the account; all or none of it."""
    return listing(players.choose_bots(platform(), caller(), flow_id, body.bot_ids))


@blueprint.post(f"{ONE}/start")
@api(Scope.WRITE)
@operation(errors=(409,))
def start(flow_id: int, body: FlowStart) -> FlowStarted:
    """Put people, at most a thousand, at a step of the flow, or at its start, within a second. Whatever flow they are in
    ends. Those whom no bot of the account knows are counted and passed over."""
    return starting.start_people(platform(), caller(), flow_id, body)


@blueprint.get(f"{ONE}/versions")
@api(Scope.READ)
@operation()
def list_versions(flow_id: int, query: Page) -> Listing[VersionView]:
    """The versions of a flow, newest first."""
    found: list[Any] = versions.list_versions(
        platform(), caller(), flow_id, before=query.after or None, limit=query.limit + 1
    )
    return page_of(found, query, lambda version: version, lambda version: version["number"])


@blueprint.get(VERSION)
@api(Scope.READ)
@operation()
def show_version(flow_id: int, number: int) -> WholeVersionView:
    """One version with its document."""
    return versions.get_version(platform(), caller(), flow_id, number)


@blueprint.get(f"{VERSION}/impact")
@api(Scope.READ)
@operation()
def show_version_impact(flow_id: int, number: int) -> ImpactView:
    """What bringing back this version would mean."""
    return impact.version_impact(platform(), caller(), flow_id, number)


@blueprint.post(f"{VERSION}/restore")
@api(Scope.WRITE)
@operation()
def restore(flow_id: int, number: int, body: Restoration) -> Published:
    """Publish this version's document anew, as the newest version; the draft stays as it is."""
    return {"number": publishing.roll_back(platform(), caller(), flow_id, number, body).number}
