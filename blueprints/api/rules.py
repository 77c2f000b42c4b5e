"""REST API of a link's rules: an ordered list, read and replaced as a whole."""

from __future__ import annotations

from flask import Blueprint

from blueprints.api.body import listing
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.fleet.experiments import rules
from services.fleet.experiments.fields import RuleList
from services.fleet.experiments.rules import RuleView, describe_rule
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("rules", __name__, url_prefix="/redirect-pools/<int:pool_id>/rules")


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(pool_id: int) -> Listing[RuleView]:
    """The rules of the pool's link, in order; the first one that is met decides."""
    return listing([describe_rule(rule) for rule in rules.list_rules(platform(), caller(), pool_id)])


@blueprint.put("")
@api(Scope.WRITE)
@operation()
def replace(pool_id: int, body: RuleList) -> Listing[RuleView]:
    """Replace all rules at once; one with the `id` of a present rule keeps it."""
    written = rules.replace_rules(platform(), caller(), pool_id, body.rules)
    return listing([describe_rule(rule) for rule in written])
