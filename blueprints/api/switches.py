"""REST API of the runbook's switches, for admins: of the whole installation, each ends by itself."""

from __future__ import annotations

from flask import Blueprint
from pydantic import Field

from blueprints.api.body import Body, listing
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.operations.switch_values import LONGEST_MESSAGE, LONGEST_REASON, MOST_PEOPLE, WEEK_MINUTES
from services.operations.switches import (
    DEFAULT_MINUTES,
    NewSwitch,
    SwitchView,
    clear_switch,
    list_switches,
    set_switch,
    switch_name,
)
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("switches", __name__, url_prefix="/switches")


class SwitchBody(Body):
    """Until when and why; a `value` left out or null is the usual one."""

    value: float | str | list[int] | bool | None = Field(
        None,
        description=f"limits: a factor from 0.05 to below 1 (0.5); cooldown: 1 to 60 seconds (10); maintenance: what people are "
        f"told, at most {LONGEST_MESSAGE} characters; allow_list: 1 to {MOST_PEOPLE} numbers of people; the others have none",
    )
    minutes: int = Field(
        DEFAULT_MINUTES,
        ge=1,
        le=WEEK_MINUTES,
        description="until it ends by itself; `most_minutes` is the most",
    )
    reason: str = Field(min_length=1, max_length=LONGEST_REASON, description="why; admins read it")


@blueprint.get("")
@api(Scope.READ)
@operation(errors=(403,))
def index() -> Listing[SwitchView]:
    """All switches, those included that are off."""
    return listing(list_switches(platform(), caller()))


@blueprint.put("/<name>")
@api(Scope.WRITE)
@operation(errors=(403, 404))
def put(name: str, body: SwitchBody) -> SwitchView:
    """Turn a switch on, or give one that is on another value or end; in force everywhere within seconds."""
    wanted = NewSwitch(switch_name(name), body.reason, body.value, body.minutes)
    return set_switch(platform(), caller(), wanted)


@blueprint.delete("/<name>")
@api(Scope.WRITE)
@operation(errors=(403, 404))
def clear(name: str) -> None:
    """Turn a switch off before its time."""
    clear_switch(platform(), caller(), name)
