"""Pages: the account's flows, and the editor of one; what they change goes through the REST API."""

from __future__ import annotations

from flask import render_template

from blueprints.panel.blueprint import blueprint
from services.fleet.flows import sources, views
from services.fleet.flows.listing import listed_flows
from web.access import caller, signed_in
from web.platform import platform


@blueprint.get("/panel/flows")
@signed_in
def flows() -> str:
    """All flows of the caller, oldest first."""
    found = listed_flows(platform(), caller())
    return render_template("panel/flows.html", flows=found, templates=sources.templates())


@blueprint.get("/panel/flows/<int:flow_id>")
@signed_in
def flow(flow_id: int) -> str:
    """The editor of one flow."""
    found = views.flow_view(platform(), caller(), flow_id)
    others = [{"key": each["key"], "name": each["name"]} for each in views.list_views(platform(), caller())]
    return render_template("panel/flow.html", section="panel.flows", initial=found, flows=others)
