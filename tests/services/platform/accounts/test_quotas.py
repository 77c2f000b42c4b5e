"""How much one account may have: each kind, exactly, whoever else makes some at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from models import Bot, RedirectPool
from services.alerts.notifications.fields import NewDestination
from services.alerts.notifications.registry import create_destination, delete_destination
from services.core.errors import Conflict
from services.core.settings import Settings
from services.fleet.bots.registry import delete_bot, register_bot
from services.fleet.experiments.experiments import create_experiment, delete_experiment
from services.fleet.experiments.fields import ArmFields, NewExperiment
from services.fleet.flows.fields import NewFlow
from services.fleet.flows.flows import create_flow, delete_flow
from services.fleet.pools.fields import NewPool, PoolChange
from services.fleet.pools.pools import create_pool, delete_pool, update_pool
from services.platform.accounts.api_keys import create_key, revoke_key
from services.platform.accounts.principal import Principal
from services.platform.accounts.quotas import Quota
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_pool
from tools.servers.sandbox import Sandbox

MOST = 2
Remove = Callable[[], object]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two of everything."""
    few = {f"quota_{quota}": MOST for quota in Quota}
    return settings.model_copy(update={**few, "quota_slugs": 5, "manager_bot_token": SecretStr("1:x")})


def add(platform: Platform, owner: Principal, quota: Quota, number: int, sandbox: Sandbox) -> Remove:
    """Make one more; how it is deleted again."""
    if quota is Quota.BOTS:
        bot = register_bot(platform, owner, sandbox.create_bot()["token"])
        return lambda: delete_bot(platform, owner, bot.id)
    if quota is Quota.API_KEYS:
        key, _ = create_key(platform, owner)
        return lambda: revoke_key(platform, owner, key.key_id)
    if quota is Quota.DESTINATIONS:
        made = create_destination(platform, owner, NewDestination("telegram", address=str(number + 1)))
        return lambda: delete_destination(platform, owner, made.destination.id)
    if quota is Quota.EXPERIMENTS:
        one, other = (new_pool(platform, owner, f"{letter}-{owner.account_id}-{number}") for letter in "ab")
        arms = tuple(ArmFields(pool_id=pool.id, percent=50) for pool in (one, other))
        experiment = create_experiment(platform, owner, NewExperiment(name="E", pool_id=one.id, arms=arms))
        return lambda: delete_experiment(platform, owner, experiment.id)
    if quota is Quota.FLOWS:
        flow = create_flow(platform, owner, NewFlow(name="F"))
        return lambda: delete_flow(platform, owner, flow.id)
    pool = create_pool(platform, owner, NewPool(name="P", slug=f"p-{owner.account_id}-{number}"))
    return lambda: delete_pool(platform, owner, pool.id)


@pytest.mark.data
@pytest.mark.parametrize("quota", [quota for quota in Quota if quota is not Quota.SLUGS])
def test_an_account_has_as_many_as_its_quota_says_and_others_do_not_count(
    platform: Platform, sandbox: Sandbox, quota: Quota
) -> None:
    owner, other = new_account(platform), new_account(platform)
    add(platform, other, quota, 0, sandbox)
    made = [add(platform, owner, quota, number, sandbox) for number in range(MOST)]
    with pytest.raises(Conflict) as refusal:
        add(platform, owner, quota, MOST, sandbox)
    assert refusal.value.code == "quota_exceeded"
    assert f"QUOTA_{quota.upper()} allows {MOST}" in refusal.value.message
    assert f"has {MOST}" in refusal.value.message
    made[0]()
    add(platform, owner, quota, MOST + 1, sandbox)


def test_former_slugs_count_and_going_back_to_one_does_not(platform: Platform) -> None:
    owner = new_account(platform)
    pool = create_pool(platform, owner, NewPool(name="P", slug="slug-0"))
    for number in range(1, 5):
        update_pool(platform, owner, pool.id, PoolChange(slug=f"slug-{number}"))
    for again in ("slug-0", "slug-4"):
        update_pool(platform, owner, pool.id, PoolChange(slug=again))
    with pytest.raises(Conflict) as refusal:
        update_pool(platform, owner, pool.id, PoolChange(slug="slug-5"))
    assert refusal.value.code == "quota_exceeded"
    with pytest.raises(Conflict) as refusal:
        create_pool(platform, owner, NewPool(name="P", slug="slug-6"))
    assert "this account has 5, former ones included" in refusal.value.message


def test_zero_is_no_quota(settings: Settings, platform: Platform) -> None:
    endless = Platform(settings.model_copy(update={"quota_pools": 0}))
    owner = new_account(platform)
    for number in range(MOST + 1):
        create_pool(endless, owner, NewPool(name="P", slug=f"pool-{number}"))
    endless.database.dispose()


@pytest.mark.data
def test_processes_that_add_at_the_same_moment_do_not_go_over_a_quota_together(
    settings: Settings, platform: Platform
) -> None:
    owner, gate = new_account(platform), threading.Barrier(8)

    def add_one(number: int) -> str:
        process = Platform(settings)
        gate.wait(30)
        try:
            create_pool(process, owner, NewPool(name="P", slug=f"pool-{number}"))
        except Conflict as refusal:
            return refusal.code
        finally:
            process.database.dispose()
        return "made"

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(add_one, range(8)))
    assert sorted(outcomes) == ["made"] * MOST + ["quota_exceeded"] * 6
    with platform.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RedirectPool)) == MOST


def test_a_bot_over_the_quota_is_not_kept(platform: Platform, sandbox: Sandbox) -> None:
    owner = new_account(platform)
    for number in range(MOST):
        add(platform, owner, Quota.BOTS, number, sandbox)
    with pytest.raises(Conflict):
        add(platform, owner, Quota.BOTS, MOST, sandbox)
    with platform.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Bot)) == MOST
