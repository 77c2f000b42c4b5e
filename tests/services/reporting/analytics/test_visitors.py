"""One meaning of a visitor: the same clicks are the same visitors wherever they are counted."""

from __future__ import annotations

import pytest

from services.core.times import utc_now
from services.fleet.experiments import experiments
from services.fleet.experiments.fields import ArmFields, NewExperiment
from services.platform.platform import Platform
from services.reporting.analytics.experiment import experiment_results
from services.reporting.analytics.period import period
from services.reporting.analytics.pool import pool_analytics
from services.reporting.analytics.pool_live import pool_live
from services.reporting.analytics.report import By
from services.reporting.analytics.series import Span
from services.traffic.clicks.flush import flush
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import click, unstarted


@pytest.mark.data
def test_experiment_report_and_live_page_mean_the_same_visitors(platform: Platform) -> None:
    """A browser with cookies that changes its address, one that keeps none, and two telephones behind one address."""
    owner = new_account(platform)
    link, *pools = [new_pool(platform, owner, slug, 1) for slug in ("link", "blue", "green")]
    arms = tuple(ArmFields(pool_id=pool.id, percent=50) for pool in pools)
    wanted = NewExperiment(name="Split", pool_id=link.id, arms=arms)
    number = experiments.create_experiment(platform, owner, wanted).id
    experiments.start_experiment(platform, owner, number)
    road = unstarted(platform)
    given = click(road, "link", REMOTE_ADDR="203.0.113.1").new_visitor
    for address in ("203.0.113.2", "203.0.113.3"):
        assert not click(road, "link", REMOTE_ADDR=address, HTTP_COOKIE=f"flv={given}").new_visitor
    without = [click(road, "link", REMOTE_ADDR="203.0.113.9").new_visitor for _ in range(3)]
    assert len(set(without)) == 1
    for agent in ("Mozilla/5.0 (Linux; Android 14; A)", "Mozilla/5.0 (Linux; Android 14; B)"):
        click(road, "link", REMOTE_ADDR="203.0.113.20", HTTP_USER_AGENT=agent)
    flush(platform)
    found = experiment_results(platform, owner, number)["arms"]
    in_arms = {arm["pool_id"]: arm["visitors"] for arm in found}
    assert sum(in_arms.values()) == 4
    today = period("", "", "", utc_now())
    for pool_id, visitors in in_arms.items():
        report = pool_analytics(platform, owner, pool_id, today, By.SOURCE)
        assert report.totals.visitors == sum(row.figures.visitors for row in report.rows) == visitors
        assert pool_live(platform, owner, pool_id, Span.HOUR)["funnel"]["visitors"] == visitors
