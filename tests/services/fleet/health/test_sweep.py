"""Sweeps over bots that live in the sandbox: banned, restored, slow, renamed, all away at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select

from models import Bot, MemberStatus, PoolBot, PoolBotTransition
from services.core.errors import Conflict, NotFound
from services.fleet.health.readmission import allow_return
from services.fleet.health.sweep import check_bot, last_report, last_sweep_age, report_unauthorized, sweep
from services.fleet.pools.model import from_json
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, JobQueue
from services.platform.redis.leases import Lease
from tests.services.fleet.health.world import Fleet, add_account, add_bot, add_pool, count_of, make_fleet
from tools.servers.sandbox import Sandbox


def sweep_after(fleet: Fleet, seconds: float) -> None:
    fleet.clock.pause(seconds)
    assert sweep(fleet.platform, clock=fleet.clock, pause=fleet.clock.pause)


def snapshot_statuses(fleet: Fleet) -> dict[int, str]:
    text = fleet.platform.redis.hget(keys.pool_snapshot(), str(fleet.pool_id))
    return {member.bot_id: str(member.status) for member in from_json(str(text)).members}


@pytest.mark.data
def test_a_revoked_bot_leaves_rotation_is_banned_and_returns_by_leave(
    platform: Platform, sandbox: Sandbox
) -> None:
    fleet = make_fleet(platform, sandbox, 4)
    sweep_after(fleet, 0)
    assert fleet.statuses() == ["online"] * 4
    sandbox.revoke(fleet.names[0])

    sweep_after(fleet, 15)  # degraded, and offline at the re-check that the sweep waits for
    assert fleet.statuses() == ["offline", "online", "online", "online"]
    assert snapshot_statuses(fleet)[fleet.bot_ids[0]] == "offline"
    member = fleet.member(0)
    assert (member.status_cause, member.hold_seconds, len(member.last_failures)) == ("unauthorized", 120, 2)
    assert (fleet.pool().health, fleet.pool().healthy_bots, fleet.pool().total_bots) == (75, 3, 4)

    checked_at = fleet.member(0).last_health_check
    sweep_after(fleet, 15)
    assert fleet.member(0).last_health_check == checked_at, "a bot in its hold is left alone"

    sweep_after(fleet, 120)
    assert fleet.statuses()[0] == "banned"
    sandbox.restore(fleet.names[0])
    sweep_after(fleet, 601)
    assert fleet.statuses()[0] == "banned"
    assert fleet.member(0).good_checks == 1

    fleet.clock.now += timedelta(seconds=1)
    allow_return(platform, fleet.caller, fleet.pool_id, fleet.bot_ids[0])
    with platform.database.transaction() as session:  # allow_return asks the real clock
        session.scalars(
            select(PoolBot).where(PoolBot.status == "offline")
        ).one().next_check_at = fleet.clock()
    sweep_after(fleet, 15)
    assert fleet.statuses() == ["online"] * 4
    assert fleet.member(0).slow_start_at is not None
    name = fleet.names[0]
    assert fleet.told() == [
        f"⚠️ Bot @{name} do pool 'P' está offline.\nSaúde do pool: 75% (3/4 online)\nMotivo: O Telegram rejeita o token (401)",
        f"⛔ Bot @{name} do pool 'P' foi banido e saiu da rotação.\nSaúde do pool: 75% (3/4 online)\nMotivo: O Telegram rejeita o token (401)",
        f"✅ Bot @{name} voltou online no pool 'P'\nSaúde do pool: 100% (4/4 online)",
    ]
    with platform.database.reading() as session:
        walk = session.scalars(select(PoolBotTransition).order_by(PoolBotTransition.id))
        assert [(row.from_status, row.to_status, row.cause) for row in walk] == [
            ("online", "degraded", "unauthorized"),
            ("degraded", "offline", "unauthorized"),
            ("offline", "banned", "unauthorized"),
            ("banned", "offline", "allowed"),
            ("offline", "online", "recovered"),
        ]


@pytest.mark.data
def test_a_pool_below_half_is_critical_once_until_it_is_back(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 3)
    sandbox.revoke(fleet.names[0])
    sweep_after(fleet, 0)
    sandbox.revoke(fleet.names[1])
    sweep_after(fleet, 15)
    critical = (
        "🚨 CRÍTICO: Pool 'P' com apenas 33% de saúde!\n"
        "Apenas 1 de 3 bots online. Adicione mais bots ou verifique os existentes."
    )
    assert fleet.told()[-1] == critical
    sandbox.revoke(fleet.names[2])
    sweep_after(fleet, 15)
    for name in fleet.names:
        sandbox.restore(name)
    sweep_after(fleet, 125)
    assert fleet.statuses() == ["online"] * 3
    assert fleet.told().count(critical) == 1
    assert sum("CRÍTICO" in text for text in fleet.told()) == 1
    assert fleet.told()[-1] == "✅ Pool 'P' recuperado.\nSaúde do pool: 100% (3/3 online)"


def test_the_status_of_a_lost_bot_itself_is_looked_at_too(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 4)
    sweep_after(fleet, 0)
    queue = Queue(JobQueue.DEFAULT, connection=platform.job_redis, serializer=JSONSerializer)
    platform.job_redis.delete(queue.key)
    sandbox.revoke(fleet.names[0])
    sweep_after(fleet, 15)
    asked = [tuple(job.args) for job in queue.jobs if job.func_name == JobName.RECONCILE_BOT]
    assert asked == [(fleet.bot_ids[0],)]


@pytest.mark.data
def test_a_bot_in_two_pools_is_asked_once_and_falls_in_both(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 1)
    with platform.database.transaction() as session:
        bot = session.get_one(Bot, fleet.bot_ids[0])
        account = add_account(session)
        add_pool(session, account, [bot], status=MemberStatus.CHECKING)
    sweep_after(fleet, 0)
    assert sandbox.calls("getMe") == 1
    sandbox.revoke(fleet.names[0])
    sweep_after(fleet, 15)
    with platform.database.reading() as session:
        assert session.scalars(select(PoolBot.status)).all() == ["offline", "offline"]


def test_an_outage_holds_all_states_and_raises_one_alarm(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 4)
    for name in fleet.names[:3]:
        sandbox.fault("status", status=502, bot=name)
    for _ in range(3):
        sweep_after(fleet, 15)
    assert fleet.statuses() == ["online"] * 4
    assert count_of(platform, PoolBotTransition) == 0
    assert [text.partition("\n")[0] for text in fleet.told()] == [
        "🌐 O Telegram não responde: 3 de 4 verificações falharam."
    ]
    sandbox.clear_faults()
    sweep_after(fleet, 15)
    assert fleet.told()[-1].startswith("✅ O Telegram voltou")
    assert len(fleet.told()) == 2


def test_half_of_the_bots_failing_is_no_outage(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 4)
    for name in fleet.names[:2]:
        sandbox.fault("status", status=502, bot=name)
    sweep_after(fleet, 0)
    assert fleet.statuses() == ["offline", "offline", "online", "online"]


def test_one_failing_bot_falls_while_the_api_host_answers(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 1)
    sandbox.fault("status", status=502, bot=fleet.names[0])
    sweep_after(fleet, 0)
    assert fleet.statuses() == ["offline"]
    assert fleet.member(0).status_cause == "server_error"


def test_a_dead_api_host_blames_no_bot(platform: Platform) -> None:
    with platform.database.transaction() as session:
        account = add_account(session)
        bot = add_bot(session, account, 1)
        bot.sealed_token = platform.vault.seal("1:" + "a" * 24, owner=f"bot:{bot.id}")
        add_pool(session, account, [bot])
    sweep(platform)
    with platform.database.reading() as session:
        assert session.scalars(select(PoolBot.status)).all() == ["online"]
    report = last_report(platform)
    assert report is not None
    assert (report["held"], report["transient"]) == (True, 1)


def test_a_flood_answer_is_no_failure(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 1)
    sandbox.fault("429", bot=fleet.names[0], method="getMe", retry_after=40)
    sweep_after(fleet, 0)
    assert fleet.statuses() == ["online"]
    assert fleet.member(0).next_check_at == fleet.clock() + timedelta(seconds=40)


def test_a_new_username_reaches_the_links(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 1)
    with platform.database.transaction() as session:
        session.get_one(Bot, fleet.bot_ids[0]).username = "former_bot"
    sweep_after(fleet, 0)
    text = platform.redis.hget(keys.pool_snapshot(), str(fleet.pool_id))
    assert from_json(str(text)).members[0].username == fleet.names[0]


def test_another_bots_answer_is_garbage(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 1)
    with platform.database.transaction() as session:
        session.get_one(Bot, fleet.bot_ids[0]).telegram_bot_id += 1
    sweep_after(fleet, 0)
    assert fleet.member(0).status_cause == "garbage"


def test_of_a_hundred_bots_the_twenty_silent_ones_are_waited_for_together(
    platform: Platform, sandbox: Sandbox
) -> None:
    """How long that takes is measured by `make bench-redirect`."""
    fleet = make_fleet(platform, sandbox, 100)
    for name in fleet.names[::5]:
        sandbox.fault("timeout", bot=name)
    sweep(platform, pause=lambda _: None)
    report = last_report(platform)
    assert report is not None
    assert (report["good"], report["transient"]) == (80, 20)
    assert report["seconds"] < 20 * platform.settings.health_timeout_seconds / 2
    assert fleet.statuses().count("online") == 80
    assert {fleet.member(0).status_cause} == {"timeout"}


def test_a_new_member_is_online_after_one_check(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 2, status=MemberStatus.CHECKING)
    check_bot(platform, fleet.bot_ids[0])
    assert fleet.statuses() == ["online", "checking"]
    assert fleet.member(0).slow_start_at is not None
    assert fleet.told() == [], "a first good check is no recovery"


def test_a_check_asked_for_waits_for_the_recheck(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 2)
    sandbox.revoke(fleet.names[0])
    check_bot(platform, fleet.bot_ids[0], clock=fleet.clock, pause=fleet.clock.pause)
    assert fleet.statuses() == ["offline", "online"]


def test_a_reported_401_rings_once(platform: Platform) -> None:
    report_unauthorized(platform, 7)
    report_unauthorized(platform, 7)
    assert platform.job_redis.llen(f"rq:queue:{JobQueue.DEFAULT}") == 1


def test_only_one_sweep_runs_at_a_time(platform: Platform) -> None:
    lease = Lease.take(platform.redis, "sweep", ttl_seconds=5)
    assert not sweep(platform)
    assert lease is not None
    assert last_sweep_age(platform) is None
    lease.release()
    assert sweep(platform)
    age = last_sweep_age(platform)
    assert age is not None


def test_only_a_banned_member_of_ones_own_pool_may_be_let_back(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 1)
    with pytest.raises(Conflict) as refused:
        allow_return(platform, fleet.caller, fleet.pool_id, fleet.bot_ids[0])
    assert refused.value.code == "member_not_banned"
    with platform.database.transaction() as session:
        stranger = add_account(session)
    with pytest.raises(NotFound):
        allow_return(platform, Principal(stranger.id, "account:x"), fleet.pool_id, fleet.bot_ids[0])


def test_health_counts_enabled_and_undrained_members_with_the_banned(
    platform: Platform, sandbox: Sandbox
) -> None:
    fleet = make_fleet(platform, sandbox, 6)
    with platform.database.transaction() as session:
        members = session.scalars(select(PoolBot).order_by(PoolBot.id)).all()
        members[0].is_enabled = False
        members[1].draining = True
        members[2].weight = 0
        members[3].status = "banned"
    sandbox.revoke(fleet.names[4])
    sweep_after(fleet, 0)
    assert (fleet.pool().health, fleet.pool().healthy_bots, fleet.pool().total_bots) == (33, 1, 3)
