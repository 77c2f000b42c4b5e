"""REST API of the behaviour that a pool owns, and of the bots that follow it."""

from __future__ import annotations

from flask import Blueprint
from pydantic import Field

from blueprints.api.body import Body, IfPlan
from blueprints.api.operation import operation
from services.fleet.bots.registry import get_bot
from services.fleet.bots.views import BotView, describe
from services.fleet.configuration.document import Behaviour
from services.fleet.pools.behaviour import (
    WantedBehaviour,
    drop_behaviour,
    follow,
    pool_behaviour,
    set_behaviour,
)
from services.fleet.pools.fields import BotId, RowId
from services.fleet.pools.owned_behaviour import BehaviourPlan, PoolBehaviourView
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("pool_behaviour", __name__)


class NewBehaviour(Body):
    """PUT /redirect-pools/{id}/behaviour: the behaviour itself, or the bot that it is taken from."""

    behaviour: Behaviour | None = Field(None, description="all of it, as GET answers it")
    like: BotId | None = Field(None, description="instead: as this bot's is now")
    everybody: bool = Field(
        False, description="members begin to follow too that follow neither a file nor another pool"
    )
    if_plan: IfPlan = None


class Following(Body):
    """PUT /bots/{id}/follows."""

    pool_id: RowId | None = Field(description="a pool in which the bot is; null: none")


@blueprint.get("/redirect-pools/<int:pool_id>/behaviour")
@api(Scope.READ)
@operation()
def show(pool_id: int) -> PoolBehaviourView:
    """The behaviour that a pool owns, and how each member stands to it."""
    return pool_behaviour(platform(), caller(), pool_id)


@blueprint.put("/redirect-pools/<int:pool_id>/behaviour")
@api(Scope.WRITE)
@operation(errors=(404, 409))
def replace(pool_id: int, body: NewBehaviour) -> BehaviourPlan:
    """What a behaviour changes of the pool and its followers; with `if_plan` all of it is done or, when anything else changed since, nothing."""
    wanted = WantedBehaviour(body.behaviour, body.like, body.everybody)
    return set_behaviour(platform(), caller(), pool_id, wanted, if_plan=body.if_plan)


@blueprint.delete("/redirect-pools/<int:pool_id>/behaviour")
@api(Scope.WRITE)
@operation()
def delete(pool_id: int) -> None:
    """Let the pool own none; its followers keep what they have, each by itself."""
    drop_behaviour(platform(), caller(), pool_id)


@blueprint.put("/bots/<bot_id>/follows")
@api(Scope.WRITE)
@operation(errors=(409,))
def follows(bot_id: str, body: Following) -> BotView:
    """Have a bot take the behaviour of a pool in which it is, from now on, or follow none and keep what it has."""
    follow(platform(), caller(), bot_id, body.pool_id)
    return describe(get_bot(platform(), caller(), bot_id))
