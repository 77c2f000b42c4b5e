"""Pages: experiments and their results; the rules of a pool's link."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.panel.pools import pool_names
from blueprints.panel.problems import surroundings
from services.fleet.experiments.experiments import describe, list_experiments
from services.fleet.experiments.rules import describe_rule, list_rules
from services.fleet.pools import pools
from services.reporting.analytics.experiment import experiment_results
from web.access import caller, signed_in
from web.platform import platform


@blueprint.get("/panel/experiments")
@signed_in
def experiments() -> str:
    """All experiments of the caller, newest first."""
    found = [describe(one) for one in reversed(list_experiments(platform(), caller()))]
    names = pool_names()
    by_id = {pool["id"]: pool["name"] for pool in names}
    return render_template("panel/experiments.html", experiments=found, pools=names, names=by_id)


@blueprint.get("/panel/experiments/<int:experiment_id>")
@signed_in
def experiment(experiment_id: int) -> str:
    """One experiment with its results, live."""
    results = experiment_results(platform(), caller(), experiment_id)
    link = pools.describe(pools.get_pool(platform(), caller(), results["pool_id"]))
    return render_template("panel/experiment.html", section="panel.experiments", initial=results, link=link)


@blueprint.get("/panel/live/experiments/<int:experiment_id>")
@signed_in
def live_experiment(experiment_id: int) -> dict[str, Any]:
    """The same for the page's script."""
    return {"results": experiment_results(platform(), caller(), experiment_id), **surroundings()}


@blueprint.get("/panel/pools/<int:pool_id>/rules")
@signed_in
def rules(pool_id: int) -> str:
    """The rules of a pool's link, to be changed."""
    found = list_rules(platform(), caller(), pool_id)
    return render_template(
        "panel/rules.html",
        section="panel.pools",
        pool=pools.describe(pools.get_pool(platform(), caller(), pool_id)),
        pools=pool_names(),
        initial=[describe_rule(rule) for rule in found],
        country_known=platform().settings.trusted_proxies > 0,
    )


def experiment_texts() -> dict[str, str]:
    """What the scripts of experiments and rules say."""
    return {**_results(), **_questions(), **_refusals(), **_rules()}


def _results() -> dict[str, str]:
    return {
        "experiment.running": _("Running"),
        "experiment.stopped": _("Stopped"),
        "experiment.draft": _("Not started"),
        "experiment.sum": _("{sum} of 100%"),
        "experiment.arm": _("Pool {number}"),
        "experiment.part": _("Percentage of pool {number}"),
        "experiment.remove_arm": _("Remove pool {number}"),
        "experiment.range": _("{rate} ({low} to {high})"),
        "experiment.nobody": _("nobody yet"),
        "experiment.control": _("what the others are compared with"),
        "experiment.more": _("surely more: {low} to {high} points"),
        "experiment.fewer": _("surely fewer: {low} to {high} points"),
        "experiment.undecided": _("no sure difference: {low} to {high} points"),
        "experiment.started": _("The experiment runs: visitors are split from now on."),
        "experiment.ended": _("The experiment is stopped: everybody goes to the link's own pool."),
        "warning.too_few": _(
            "Too early to decide: each pool needs about {needed} visitors before a difference of a fifth shows. Deciding on the first day that looks good finds differences that are none."
        ),
        "warning.too_few_starts": _("Too early to decide: nobody has started a conversation yet."),
        "warning.sample_ratio_mismatch": _(
            "Do not trust these rates: the visitors are not split as the percentages say, so some were lost or moved on the way to a pool. Was one of them down?"
        ),
        "warning.not_tracked": _(
            "Without tracking no start is known. Switch on “Bind clicks to conversations” in the settings of all these pools."
        ),
    }


def _questions() -> dict[str, str]:
    return {
        "start_experiment.title": _("Start {name}?"),
        "start_experiment.text": _(
            "The visitors of the link are split from now on: {split}. The split can't be changed once it runs; you can stop it at any time."
        ),
        "start_experiment.action": _("Start experiment"),
        "stop_experiment.title": _("Stop {name}?"),
        "stop_experiment.text": _(
            "Everybody goes to the link's own pool from now on. The results stay, and you can start it again: visitors keep the pools they had."
        ),
        "stop_experiment.action": _("Stop experiment"),
        "delete_experiment.title": _("Delete {name}?"),
        "delete_experiment.text": _("The results are deleted for good. Clicks, leads and pools stay."),
        "delete_experiment.action": _("Delete experiment"),
    }


def _refusals() -> dict[str, str]:
    return {
        "error.percent_not_100": _("The percentages must sum up to exactly 100."),
        "error.arm_twice": _("Each pool may be chosen once."),
        "error.routing_circle": _(
            "These links would send their visitors to each other. Choose another pool."
        ),
        "error.experiment_running": _("This link has another running experiment. Stop that one first."),
        "error.experiment_started": _("The split stands since the first start. Make a new experiment."),
        "error.experiment_not_found": _("This experiment is not there any more. Load the page again."),
        "error.pool_in_experiment": _(
            "A running experiment sends visitors to this pool. Stop the experiment first."
        ),
        "error.rule_without_condition": _(
            "A rule needs a condition: without one it would take every visitor."
        ),
        "error.rule_not_found": _("One of these rules is not there any more. Load the page again."),
    }


def _rules() -> dict[str, str]:
    return {
        "explain.rule": _("A rule of the link that was clicked sent this visitor to this pool."),
        "explain.experiment": _("The experiment “{name}” sent this visitor to this pool."),
        "rule.title": _("Rule {number}"),
        "rule.move_up": _("Move rule {number} up"),
        "rule.move_down": _("Move rule {number} down"),
        "rule.remove": _("Remove rule {number}"),
        "rule.moved": _("Now rule {number}"),
        "rule.query": _("Write each parameter as name=value on its own line."),
    }
