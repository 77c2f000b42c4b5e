"""Page: what advertising cost and brought back, imports of costs, exchange rates; its numbers come over the REST API."""

from __future__ import annotations

from flask import render_template
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.panel.plurals import ScriptText, counted
from services.traffic.spend.imports import describe_import, list_imports
from services.traffic.spend.rates import describe_rate, list_rates
from web.access import caller, signed_in
from web.platform import platform

LATEST_IMPORTS = 20


@blueprint.get("/panel/returns")
@signed_in
def returns() -> str:
    """The report, the latest imports and the exchange rates."""
    found = list_imports(platform(), caller(), limit=LATEST_IMPORTS)
    return render_template(
        "panel/returns.html",
        imports=[describe_import(one) for one in found],
        rates=[describe_rate(rate) for rate in list_rates(platform(), caller())],
    )


def returns_texts() -> dict[str, ScriptText]:
    """What the page's scripts say."""
    return {
        "returns.by.source": _("Source"),
        "returns.by.campaign": _("Campaign"),
        "returns.by.ad": _("Ad"),
        "returns.by.pool": _("Pool"),
        "returns.by.bot": _("Bot"),
        "returns.by.day": _("Day"),
        "returns.no_clicks": _("No clicks"),
        "returns.no_bot": _("Answered by no bot"),
        "returns.without_cost": _(
            "Costs per click, start and goal are those of rows with costs. Without costs: clicks {clicks}, starts {starts}, goals {goals}."
        ),
        "returns.missing": _(
            "Money in {currencies} is left out: enter what it is worth in {into} from {day} on."
        ),
        "import.status.uploading": _("Being brought"),
        "import.status.reading": _("Being read"),
        "import.status.writing": _("Being written"),
        "import.status.done": _("Done"),
        "import.status.failed": _("Nothing kept"),
        "import.lines": counted("{count} line", "{count} lines"),
        "import.replaced": counted("{count} amount replaced", "{count} amounts replaced"),
        "import.written": _("{written} of {rows} amounts written"),
        "import.problem": _("Line {line}, column {column}: {detail}"),
        "import.problem_of_all": _("{detail}"),
        "import.started": _("The file is here and is being read."),
        "import.part": _("Part {part} of {parts} brought"),
        "import.deleted": _("The import was taken back."),
        "delete_import.title": _("Take back {name}?"),
        "delete_import.text": _(
            "The amounts that it brought go, but for those that a later import replaced. What it replaced itself does not come back."
        ),
        "delete_import.action": _("Take back"),
        "rate.of_day": _("1 {currency} = {rate} {into} from {day} on"),
        "rate.deleted": _("The exchange rate was deleted."),
        "layout.none": _("No such column"),
    }
