"""REST API of experiments: make, start, stop, compare."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from blueprints.api.body import page, page_of, parse
from services.fleet.experiments import experiments
from services.fleet.experiments.experiments import describe
from services.fleet.experiments.fields import ExperimentChange, NewExperiment
from services.platform.accounts.principal import Scope
from services.reporting.analytics.experiment import experiment_results
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("experiments", __name__, url_prefix="/experiments")
ONE = "/<int:experiment_id>"


@blueprint.post("")
@api(Scope.WRITE)
def create() -> ResponseReturnValue:
    """Make an experiment; it does not run before it is started."""
    made = experiments.create_experiment(platform(), caller(), parse(NewExperiment))
    return describe(made), 201, {"Location": url_for(".show", experiment_id=made.id)}


@blueprint.get("")
@api(Scope.READ)
def index() -> dict[str, Any]:
    """The caller's experiments, oldest first."""
    asked = page()
    found = experiments.list_experiments(platform(), caller(), after=asked.after, limit=asked.limit + 1)
    return page_of(found, asked, describe)


@blueprint.get(ONE)
@api(Scope.READ)
def show(experiment_id: int) -> dict[str, Any]:
    """One experiment."""
    return describe(experiments.get_experiment(platform(), caller(), experiment_id))


@blueprint.patch(ONE)
@api(Scope.WRITE)
def change(experiment_id: int) -> dict[str, Any]:
    """Change what the body names; the arms only before the first start."""
    wanted = parse(ExperimentChange)
    return describe(experiments.update_experiment(platform(), caller(), experiment_id, wanted))


@blueprint.delete(ONE)
@api(Scope.WRITE)
def remove(experiment_id: int) -> ResponseReturnValue:
    """Delete an experiment with its results; clicks and leads stay."""
    experiments.delete_experiment(platform(), caller(), experiment_id)
    return "", 204


@blueprint.post(f"{ONE}/start")
@api(Scope.WRITE)
def start(experiment_id: int) -> dict[str, Any]:
    """Split the link from now on."""
    return describe(experiments.start_experiment(platform(), caller(), experiment_id))


@blueprint.post(f"{ONE}/stop")
@api(Scope.WRITE)
def stop(experiment_id: int) -> dict[str, Any]:
    """Send everybody to the link's own pool again."""
    return describe(experiments.stop_experiment(platform(), caller(), experiment_id))


@blueprint.get(f"{ONE}/results")
@api(Scope.READ)
def results(experiment_id: int) -> dict[str, Any]:
    """Visitors, starts and goals of each arm with 95 % intervals, and what is to be minded."""
    return experiment_results(platform(), caller(), experiment_id)
