"""REST API of experiments: make, start, stop, compare."""

from __future__ import annotations

from flask import Blueprint, url_for

from blueprints.api.body import Page, page_of
from blueprints.api.operation import Created, operation
from services.core.answer_types import Listing
from services.fleet.experiments import experiments
from services.fleet.experiments.experiments import ExperimentView, describe
from services.fleet.experiments.fields import ExperimentChange, NewExperiment
from services.platform.accounts.principal import Scope
from services.reporting.analytics.experiment import ResultsView, experiment_results
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("experiments", __name__, url_prefix="/experiments")
ONE = "/<int:experiment_id>"


@blueprint.post("")
@api(Scope.WRITE)
@operation(errors=(404,))
def create(body: NewExperiment) -> Created[ExperimentView]:
    """Make an experiment; it does not run before it is started."""
    made = experiments.create_experiment(platform(), caller(), body)
    return Created(describe(made), url_for(".show", experiment_id=made.id))


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: Page) -> Listing[ExperimentView]:
    """The caller's experiments, oldest first."""
    found = experiments.list_experiments(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(found, query, describe)


@blueprint.get(ONE)
@api(Scope.READ)
@operation()
def show(experiment_id: int) -> ExperimentView:
    """One experiment."""
    return describe(experiments.get_experiment(platform(), caller(), experiment_id))


@blueprint.patch(ONE)
@api(Scope.WRITE)
@operation(errors=(409,))
def change(experiment_id: int, body: ExperimentChange) -> ExperimentView:
    """Change what the body names; the arms only before the first start."""
    return describe(experiments.update_experiment(platform(), caller(), experiment_id, body))


@blueprint.delete(ONE)
@api(Scope.WRITE)
@operation()
def remove(experiment_id: int) -> None:
    """Delete an experiment with its results; clicks and leads stay."""
    experiments.delete_experiment(platform(), caller(), experiment_id)


@blueprint.post(f"{ONE}/start")
@api(Scope.WRITE)
@operation()
def start(experiment_id: int) -> ExperimentView:
    """Split the link from now on."""
    return describe(experiments.start_experiment(platform(), caller(), experiment_id))


@blueprint.post(f"{ONE}/stop")
@api(Scope.WRITE)
@operation()
def stop(experiment_id: int) -> ExperimentView:
    """Send everybody to the link's own pool again."""
    return describe(experiments.stop_experiment(platform(), caller(), experiment_id))


@blueprint.get(f"{ONE}/results")
@api(Scope.READ)
@operation()
def results(experiment_id: int) -> ResultsView:
    """Visitors, starts and goals of each arm with 95 % intervals, and what is to be minded."""
    return experiment_results(platform(), caller(), experiment_id)
