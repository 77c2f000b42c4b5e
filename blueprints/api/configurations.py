"""REST API of whole configurations: a bot's as one YAML document, and its behaviour for other bots."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import Field, StringConstraints

from blueprints.api.body import Body, IfPlan
from blueprints.api.operation import operation
from blueprints.api.texts import LONGEST_FILE
from services.fleet.configuration.sharing import SharingPlan, apply_behaviour
from services.fleet.declared.exchange import ConfigurationPlan, change_configuration, configuration_file
from services.fleet.pools.fields import BotId, RowId
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

YAML = "application/yaml"
MOST_AT_ONCE = 1000
blueprint = Blueprint("configurations", __name__, url_prefix="/bots/<bot_id>")


class ConfigurationFile(Body):
    """A bot's configuration as YAML; every blank in it counts."""

    document: Annotated[str, StringConstraints(strip_whitespace=False, max_length=LONGEST_FILE)] = Field(
        description="as GET answers it, changed"
    )
    if_plan: IfPlan = None


class Targets(Body):
    """Who gets the behaviour: bots, or all that are in a pool."""

    bot_ids: list[BotId] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    pool_id: RowId | None = None
    if_plan: IfPlan = None


@blueprint.get("/configuration")
@api(Scope.READ)
@operation(media=YAML, errors=(409,))
def export(bot_id: str) -> Response:
    """All that is configured of a bot, but its token, as YAML: with `id` and `token` added it is a bot's file."""
    headers = {"Cache-Control": "no-store"}
    base_url = platform().settings.public_url or request.host_url
    content = configuration_file(platform(), caller(), bot_id, base_url)
    return Response(content, content_type=f"{YAML}; charset=utf-8", headers=headers)


@blueprint.put("/configuration")
@api(Scope.WRITE)
@operation(errors=(409,))
def replace(bot_id: str, body: ConfigurationFile) -> ConfigurationPlan:
    """What a document changes of a bot; with `if_plan` it is changed, all of it or, when anything else changed since, nothing."""
    return change_configuration(platform(), caller(), bot_id, body.document, if_plan=body.if_plan)


@blueprint.post("/behaviour/apply")
@api(Scope.WRITE)
@operation(errors=(409,))
def apply(bot_id: str, body: Targets) -> SharingPlan:
    """What giving a bot's behaviour to others changes; with `if_plan` they get it, in one step. Bots that cannot are named."""
    return apply_behaviour(
        platform(), caller(), bot_id, bot_ids=body.bot_ids, pool_id=body.pool_id, if_plan=body.if_plan
    )
