"""Copies follow what waits, on real processes: woken, multiplied, replaced, ended; through restarts of everything else."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from services.core.settings import Settings
from services.core.times import utc_now
from services.fleet.bots.signals import bot_changed
from services.fleet.workers.copies import CopiesState, copies_of, history_of
from services.fleet.workers.registry import end_worker, finish_endings
from services.operations.programs.local import LocalDriver, Times
from services.operations.programs.supervision import Supervisor
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.platform.redis.jobs import JobQueue
from services.queueing.heartbeats import beat
from tests.services.operations.programs.conftest import QUICK, Give, Leading, users_by_process
from tools.servers.sandbox import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="programs are started by root alone")
SLEEPS = "sleep 600"


def pids(leading: Leading) -> set[int]:
    """The keepers of all copies that run and stay."""
    bots = list(leading.supervisor.bots.values())
    return {copy.keeper_pid for bot in bots for copy in list(bot.copies) if not copy.is_leaving}


def are_others(leading: Leading, before: set[int]) -> bool:
    """Whether as many run as before, and none of those."""
    return len(pids(leading)) == len(before) and not pids(leading) & before


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"worker_idle_seconds": 1.0, "worker_copies": 5})


def test_copies_come_with_what_waits_and_go_when_nothing_does(
    give: Give, leading: Leading, platform: Platform
) -> None:
    asleep, started = give(SLEEPS), give(SLEEPS, max_replicas=3)
    wait_until(
        lambda: started.copies.state is CopiesState.ASLEEP and asleep.bot.id in leading.supervisor.bots
    )
    assert pids(leading) == set()
    started.get(1)
    wait_until(lambda: (started.copies.current, started.copies.state) == (1, CopiesState.RUNNING))
    started.get(50)
    wait_until(lambda: started.copies.current == 3)
    assert asleep.copies.current == 0
    wait_until(lambda: max(each.lag for each in history_of(platform.redis, started.bot.id)) == 51)
    platform.redis.delete(work_keys.incoming(started.bot.public_id))
    wait_until(lambda: (started.copies.current, started.copies.state) == (0, CopiesState.ASLEEP))
    assert started.reasons == []  # nobody is told of ends that were asked for
    samples = history_of(platform.redis, started.bot.id)
    assert max(each.copies for each in samples) == 3
    assert history_of(platform.redis, asleep.bot.id) == []


def test_copies_are_replaced_when_what_they_are_told_changes_and_when_it_is_asked_for(
    give: Give, leading: Leading, platform: Platform
) -> None:
    started = give(SLEEPS, min_replicas=2, max_replicas=2)
    wait_until(lambda: len(pids(leading)) == 2)
    for change in ({"command": "sleep 601"}, {"restarted_at": utc_now()}, {"passes_bot_token": True}):
        before = pids(leading)
        started.change(**change)
        bot_changed(platform, started.bot.id)
        wait_until(partial(are_others, leading, before))
    before = pids(leading)
    started.change(max_replicas=3)
    bot_changed(platform, started.bot.id)
    wait_until(lambda: leading.supervisor.bots[started.bot.id].program.max_replicas == 3)
    assert pids(leading) == before
    os.kill(next(iter(before)), signal.SIGKILL)  # what watches over a copy
    wait_until(lambda: len(pids(leading) - before) == 1)
    assert started.reasons == ["What watches over it was killed"]


def test_where_no_place_is_left_a_program_waits_for_one_and_says_so(
    give: Give, leading: Leading, platform: Platform
) -> None:
    full = platform.settings.worker_copies
    first = give(SLEEPS, min_replicas=full, max_replicas=full)
    wait_until(lambda: len(pids(leading)) == full == len(set(users_by_process(platform.settings).values())))
    second = give(SLEEPS, min_replicas=1)
    wait_until(lambda: second.copies.state is CopiesState.FAILED)
    assert "All places for programs on this machine are taken" in str(second.copies.reason)
    first.change(min_replicas=0, max_replicas=1)
    bot_changed(platform, first.bot.id)
    wait_until(lambda: len(pids(leading)) == 1 and leading.supervisor.bots[second.bot.id].copies)
    assert second.reasons == []  # none ran


def test_a_worker_that_is_ended_while_it_grows_loses_its_queue_after_its_last_copy(
    give: Give, leading: Leading, platform: Platform
) -> None:
    started = give(SLEEPS, max_replicas=4)
    beat(platform, "programs@here:1")
    started.get(100)
    wait_until(lambda: started.copies.current >= 1)
    owner = Principal(started.bot.account_id, f"account:{started.bot.account_id}")
    end_worker(platform, owner, started.bot.id)
    assert platform.redis.exists(work_keys.incoming(started.bot.public_id))
    wait_until(lambda: copies_of(platform.redis, started.bot.id) is None)
    assert pids(leading) == set()
    # The thread that leads forgets the bot after it has said that nothing runs any more.
    wait_until(lambda: started.bot.id not in leading.supervisor.bots)
    asked = Queue(JobQueue.DEFAULT, connection=platform.job_redis, serializer=JSONSerializer)
    wait_until(lambda: asked.job_ids)
    assert finish_endings(platform, started.bot.id) == 1
    assert platform.redis.keys(work_keys.of_bot(started.bot.id)) == []
    assert not platform.redis.exists(work_keys.incoming(started.bot.public_id))


def test_without_a_lease_copies_go_on_for_a_while_and_the_next_lead_takes_them_up(
    give: Give, leading: Leading, platform: Platform
) -> None:
    started = give(SLEEPS, min_replicas=1)
    (before,) = wait_until(lambda: pids(leading))
    leading.let_go()
    platform.redis.flushdb()  # whatever is lost with a restart
    leading.begin()
    wait_until(lambda: started.copies.state is CopiesState.RUNNING)
    assert pids(leading) == {before}
    leading.let_go()
    leading.supervisor.stop()
    assert started.copies.current == 0
    wait_until(lambda: not Path(f"/proc/{before}").exists())


def test_copies_of_a_supervisor_that_leads_no_more_end_after_its_patience(
    give: Give, platform: Platform
) -> None:
    driver = LocalDriver(platform.settings, Times(stop=0.3, watch=0.05))
    leading = Leading(Supervisor(platform, driver, replace(QUICK, leaderless=0.2)))
    give(SLEEPS, min_replicas=1)
    leading.begin()
    (before,) = wait_until(lambda: pids(leading))
    leading.let_go()
    wait_until(lambda: not Path(f"/proc/{before}").exists())
