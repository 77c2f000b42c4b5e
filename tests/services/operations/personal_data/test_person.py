"""What is kept of a person is found everywhere, handed to them whole, and erased without a trace; other people's stays."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from app import create_app
from models import (
    AuditEvent,
    Base,
    Bot,
    BotAccess,
    Click,
    DeadLetter,
    Experiment,
    ExperimentVisitor,
    Goal,
    Lead,
    Notification,
    Payment,
    PluginStore,
    Start,
    StoredFile,
)
from services.alerts.dead_letters.store import store
from services.core.errors import NotFound
from services.core.times import utc_now
from services.messaging.files.sweep import sweep_files
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.operations.personal_data.erasing import erase_person
from services.operations.personal_data.exporting import export_person, write_archive
from services.operations.personal_data.redis_traces import forget_people
from services.operations.personal_data.silent_leads import erase_silent_leads
from services.platform.accounts.principal import Principal
from services.platform.files.folder import FileFolder
from services.platform.platform import Platform
from services.platform.redis import keys, streams
from services.traffic.clicks.flush import flush
from services.traffic.clicks.recount import recount
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.operations.personal_data.talking import (
    add_money,
    add_to_broadcast,
    add_to_flow,
    add_to_inbox,
)
from tests.services.traffic.clicks.clicking import click, unstarted

PERSON, OTHER = 815_004_711, 815_004_712
KINDS = {
    "leads": 2,
    "starts": 1,
    "clicks": 1,
    "experiments": 1,
    "files": 1,
    "plugin_keys": 2,
    "flow_runs": 1,
    "flow_visits": 1,
    "timers": 1,
    "messages": 1,
    "conversations": 1,
    "dead_letters": 1,
    "notifications": 1,
    "access_lists": 1,
    "broadcasts": 1,
    "goals": 1,
    "payments": 1,
}


@dataclass
class House:
    """An account whose first bot knows both people alike, and whose second knows them too."""

    platform: Platform
    owner: Principal
    bots: tuple[int, int]

    def count(self, table: type[Base], *conditions: Any) -> int:
        with self.platform.database.reading() as session:
            return len(session.scalars(select(table).where(*conditions)).all())


@pytest.fixture
def house(platform: Platform) -> House:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 2)
    clicks = [
        str(click(unstarted(platform), QUERY_STRING=f"gclid=G{n}&utm_campaign=may").click_id) for n in (1, 2)
    ]
    flush(platform)
    with platform.database.transaction() as session:
        bots = session.scalars(select(Bot).order_by(Bot.id)).all()
        experiment = Experiment(account_id=owner.account_id, pool_id=pool.id, name="x")
        session.add(experiment)
        session.flush()
        for number, person in enumerate((PERSON, OTHER)):
            _add_rows(session, bots, person, clicks[number], experiment.id, number)
    for person in (PERSON, OTHER):
        shop = BotDatabase(platform.database, bots[0].id, "form")
        shop.set(f"answers:{person}:1", {"answer": "yes"})
        shop.set(f"topic:{person % 10}", person)
        enqueue_call(platform, bots[0].id, "sendMessage", {"chat_id": person, "text": "hi"})
        platform.redis.set(keys.conversation(bots[0].id, person, person), "{}")
        platform.redis.set(keys.conversation(bots[0].id, -100, person), "{}")
        platform.redis.set(keys.user_bucket(bots[1].id, str(person)), "1")
        platform.redis.zadd(keys.active_chats(bots[0].id), {str(person): 1})
    return House(platform, owner, (bots[0].id, bots[1].id))


def _add_rows(session: Any, bots: Any, person: int, click_id: str, experiment: int, number: int) -> None:
    bot, second = bots[0], bots[1]
    leads = [
        Lead(account_id=bot.account_id, bot_id=each.id, telegram_id=person, first_name=f"Ana {person}")
        for each in (bot, second)
    ]
    session.add_all(leads)
    session.flush()
    session.add(Start(bot_id=bot.id, update_id=person, lead_id=leads[0].id, click_id=click_id))
    session.execute(
        text("UPDATE clicks SET lead_id = :lead WHERE id = :id"), {"lead": leads[0].id, "id": click_id}
    )
    session.add(
        ExperimentVisitor(
            experiment_id=experiment, visitor=f"v{number}", pool_id=1, first_at=utc_now(), lead_id=leads[0].id
        )
    )
    session.add(BotAccess(bot_id=bot.id, list="blocked", telegram_id=person))
    add_to_flow(session, bot, person, number)
    add_to_inbox(session, bot, person)
    add_money(session, bot, leads[0].id, person, number)
    add_to_broadcast(session, bot, person)
    name = f"{person:032d}"
    session.add(
        StoredFile(
            account_id=bot.account_id, bot_id=bot.id, update_id=person, telegram_id=person, kind="photo",
            size=5, name="me.png", stored_name=name, file_unique_id=name, stored_at=utc_now(),
        )
    )  # fmt: skip
    payload = {"message": {"chat": {"id": person}, "text": "secret"}}
    store(session, kind="update", source_id=f"u:{person}", error="x", bot_id=bot.id, payload=payload)
    session.add(
        Notification(
            account_id=bot.account_id, bot_id=bot.id, kind="form_answered", level="info",
            dedupe_key=str(person), params={"person": person},
        )
    )  # fmt: skip


def _file(house: House, person: int) -> Path:
    path = FileFolder(house.platform.settings).path(house.owner.account_id, f"{person:032d}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"bytes")
    return path


@pytest.mark.data
def test_the_copy_holds_everything_of_the_person_and_nothing_of_another(house: House) -> None:
    _file(house, PERSON)
    file = io.BytesIO()
    write_archive(house.platform, house.owner, PERSON, file)
    archive = zipfile.ZipFile(file)
    view = json.loads(archive.read("person.json"))
    assert {kind: len(view[kind]) for kind in KINDS} == KINDS
    assert view["leads"][0]["first_name"] == f"Ana {PERSON}"
    assert view["clicks"][0]["params"] == {"gclid": "G1", "utm_campaign": "may"}
    assert view["dead_letters"][0]["payload"]["message"]["text"] == "secret"
    assert str(OTHER) not in json.dumps(view)
    (content,) = (name for name in archive.namelist() if name.startswith("files/"))
    assert archive.read(content) == b"bytes"
    assert house.count(AuditEvent, AuditEvent.kind == "person_exported") == 1


@pytest.mark.data
def test_an_erased_person_is_nowhere_and_the_other_is_whole(house: House) -> None:
    theirs, others = _file(house, PERSON), _file(house, OTHER)
    other = export_person(house.platform, house.owner, OTHER)
    assert {kind: number for kind, number in erase_person(house.platform, house.owner, PERSON, dry_run=True).items() if kind in KINDS} == KINDS  # fmt: skip
    erase_person(house.platform, house.owner, PERSON)
    assert house.platform.job_redis.llen("rq:queue:default") == 2
    forget_people(house.platform)
    sweep_files(house.platform, house.owner.account_id)
    assert (theirs.exists(), others.exists()) == (False, True)
    left = erase_person(house.platform, house.owner, PERSON, dry_run=True)
    assert [kind for kind, number in left.items() if number and kind in KINDS] == ["access_lists"]
    after = export_person(house.platform, house.owner, OTHER)
    assert {**after, "exported_at": ""} == {**other, "exported_at": ""}
    assert _mentions_in_redis(house.platform, PERSON) == []
    assert len(_mentions_in_redis(house.platform, OTHER)) == 5
    with house.platform.database.reading() as session:
        money = session.scalars(select(Goal).order_by(Goal.id)).all()
        assert [(one.amount_micros, one.telegram_id, one.lead_id is None, one.ad_ids) for one in money] == [
            (5, None, True, {}),
            (5, OTHER, False, {"gclid": "G"}),
        ]
        paid = session.scalars(select(Payment).order_by(Payment.id)).all()
        assert [(one.amount_micros, one.telegram_id, one.payload) for one in paid] == [
            (5, None, ""),
            (5, OTHER, "vip"),
        ]
    assert house.count(DeadLetter) == house.count(Notification) == house.count(ExperimentVisitor) - 1 == 1


def _mentions_in_redis(platform: Platform, person: int) -> list[str]:
    found = [key for key in platform.redis.scan_iter() if str(person) in key]
    for bot in (1, 2, 3):
        if platform.redis.zscore(keys.active_chats(bot), str(person)):
            found.append("active")
        outbox = keys.outbox(bot, "bulk")
        for _, fields in streams.read(platform.redis, {outbox: "0"}, count=100).get(outbox, ()):
            if fields["chat"] == str(person):
                found.append("outbox")
    return found


@pytest.mark.data
def test_clicks_stay_counted_and_say_no_more_whose_they_were(house: House) -> None:
    with house.platform.database.reading() as session:
        lead = session.scalars(select(Lead).where(Lead.telegram_id == PERSON)).first()
        assert lead is not None
        before = session.scalars(select(Click).where(Click.lead_id == lead.id)).one()
    erase_person(house.platform, house.owner, PERSON)
    with house.platform.database.reading() as session:
        after = session.get_one(Click, before.id)
        store_size = session.scalars(select(PluginStore.size)).one()
    assert (after.lead_id, after.source, after.params) == (None, before.source, {"gclid": "erased", "utm_campaign": "may"})  # fmt: skip
    assert before.unique_hash != after.unique_hash != ""
    assert recount(house.platform) == 2
    assert store_size > 0, "the other person's entries"


@pytest.mark.data
def test_erasing_again_and_erasing_a_stranger_change_nothing(house: House) -> None:
    erase_person(house.platform, house.owner, PERSON)
    erase_person(house.platform, house.owner, PERSON)
    assert erase_person(house.platform, house.owner, 5)["leads"] == 0
    with pytest.raises(NotFound) as caught:
        export_person(house.platform, house.owner, 5)
    assert caught.value.code == "person_not_found"
    assert house.count(Lead) == 2


@pytest.mark.data
def test_another_tenant_neither_reads_nor_erases_them(house: House) -> None:
    stranger = new_account(house.platform)
    with pytest.raises(NotFound):
        export_person(house.platform, stranger, PERSON)
    with pytest.raises(NotFound):
        erase_person(house.platform, stranger, PERSON, bot_id=house.bots[0])
    assert erase_person(house.platform, stranger, PERSON)["leads"] == 0
    assert house.count(Lead, Lead.telegram_id == PERSON) == 2


@pytest.mark.data
def test_who_is_silent_for_too_long_goes_from_that_bot_alone(house: House) -> None:
    now = utc_now()
    with house.platform.database.transaction() as session:
        silent = session.scalars(select(Lead).where(Lead.telegram_id == PERSON, Lead.bot_id == house.bots[0]))
        silent.one().last_interaction = now - timedelta(days=40)
    assert erase_silent_leads(house.platform, now - timedelta(days=30), float("inf")) == 1
    assert house.count(Lead, Lead.telegram_id == PERSON) == 1
    assert house.count(Lead, Lead.telegram_id == OTHER) == 2
    assert house.count(StoredFile) == 1
    assert erase_silent_leads(house.platform, now - timedelta(days=30), float("inf")) == 0


def test_the_command_line_writes_a_new_private_file_and_erases_after_a_question(
    house: House, tmp_path: Path
) -> None:
    with house.platform.database.reading() as session:
        email = session.scalar(text("SELECT email FROM accounts"))
    run = create_app(house.platform).test_cli_runner().invoke
    file = tmp_path / "person.zip"
    wanted = ["people", "export", email, str(PERSON), str(file)]
    assert run(args=wanted).exit_code == 0
    assert (file.stat().st_mode & 0o777, zipfile.is_zipfile(file)) == (0o600, True)
    again = run(args=wanted)
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    nobody = tmp_path / "nobody.zip"
    assert run(args=["people", "export", email, "5", str(nobody)]).exit_code == 1
    assert not nobody.exists()
    assert run(args=["people", "erase", email, str(PERSON)], input="n\n").exit_code == 1
    assert house.count(Lead, Lead.telegram_id == PERSON) == 2
    assert run(args=["people", "erase", email, str(PERSON), "--yes"]).exit_code == 0
    assert house.count(Lead, Lead.telegram_id == PERSON) == 0
