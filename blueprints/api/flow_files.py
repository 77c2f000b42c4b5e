"""REST API of flows as files: a YAML document, and all texts in one readable file."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response
from pydantic import Field, StringConstraints

from blueprints.api.body import Body, IfPlan, listing
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.fleet.configuration.texts import TextProblemView, TextsPlan
from services.fleet.flows import exchange, text_file, views
from services.fleet.flows.fields import LONGEST_FILE, Number
from services.fleet.flows.views import WholeFlowView
from services.fleet.flows.yaml_file import LineView
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

YAML, PLAIN = "application/yaml", "text/plain"
blueprint = Blueprint("flow_files", __name__, url_prefix="/flows")
ONE = "/<int:flow_id>"


class FlowFile(Body):
    """A file; every blank in it counts."""

    document: Annotated[str, StringConstraints(strip_whitespace=False, max_length=LONGEST_FILE)] = Field(
        description="as GET answers it, changed"
    )


class FlowYaml(FlowFile):
    """A flow as YAML, to be made the draft."""

    revision: Number = Field(description="of the draft that was changed into this one")


class FlowTexts(FlowFile):
    """A file of texts, to be made the draft's."""

    if_plan: IfPlan = None


@blueprint.get(f"{ONE}/yaml")
@api(Scope.READ)
@operation(media=YAML)
def export(flow_id: int) -> Response:
    """The draft as a YAML file."""
    return _file(exchange.flow_yaml(platform(), caller(), flow_id), YAML)


@blueprint.put(f"{ONE}/yaml")
@api(Scope.WRITE)
@operation(errors=(409,))
def replace(flow_id: int, body: FlowYaml) -> WholeFlowView:
    """Make a YAML file the draft; one with a mistake is refused with its line."""
    exchange.save_yaml(platform(), caller(), flow_id, body.document, body.revision)
    return views.flow_view(platform(), caller(), flow_id)


@blueprint.post("/yaml/check")
@api(Scope.WRITE)
@operation()
def check(body: FlowFile) -> Listing[LineView]:
    """Everything that is wrong with a YAML file, or may be, by line; nothing is kept."""
    return listing(exchange.check_yaml(platform(), caller(), body.document))


@blueprint.get(f"{ONE}/texts")
@api(Scope.READ)
@operation(media=PLAIN)
def texts(flow_id: int) -> Response:
    """Every text of the draft in one readable file: a line `## step.place`, then the text."""
    return _file(text_file.flow_texts(platform(), caller(), flow_id), PLAIN)


@blueprint.put(f"{ONE}/texts")
@api(Scope.WRITE)
@operation(errors=(409,))
def replace_texts(flow_id: int, body: FlowTexts) -> TextsPlan:
    """What a file of texts changes of the draft; with `if_plan` it is changed, all of it or, when anything else changed since, nothing."""
    return text_file.change_flow_texts(platform(), caller(), flow_id, body.document, if_plan=body.if_plan)


@blueprint.post(f"{ONE}/texts/check")
@api(Scope.WRITE)
@operation()
def check_texts(flow_id: int, body: FlowFile) -> Listing[TextProblemView]:
    """Every mistake in a file of texts, each with its line; changes nothing."""
    return listing(text_file.check_flow_texts(platform(), caller(), flow_id, body.document))


def _file(content: str, media: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(content, content_type=f"{media}; charset=utf-8", headers=headers)
