"""A broadcast is worked at by a process of its own, which the worker's job starts and which ends with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import Broadcast, BroadcastStatus, Lead
from services.core.settings import Settings
from services.core.times import utc_now
from services.messaging.broadcasts.drafts import create_broadcast
from services.messaging.broadcasts.fields import NewBroadcast
from services.messaging.broadcasts.lifecycle import start
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.launch.installation import wait_until
from tools.servers.fleet import add_bot, worker_process
from tools.servers.sandbox import Sandbox


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Folders of plugins and YAML beside DATA_DIR instead of the project's."""
    folder = settings.data_dir
    return settings.model_copy(update={"plugins_dir": folder / "custom", "config_dir": folder / "bots"})


def test_the_workers_job_has_a_broadcast_sent_and_its_process_ends_with_the_worker(
    platform: Platform, sandbox: Sandbox
) -> None:
    bot = add_bot(platform, sandbox.create_bot())
    person = int(sandbox.create_user()["id"])
    sandbox.start(person, bot.username)
    with platform.database.transaction() as session:
        met = {"first_name": "Ana", "language": "en", "tags": [], "last_interaction": utc_now()}
        session.add(Lead(account_id=bot.account_id, bot_id=bot.id, telegram_id=person, **met))
    caller = Principal(bot.account_id, "user:owner")
    text = [{"message": {"text": "Hi {first_name}"}}]
    made = create_broadcast(platform, caller, NewBroadcast.model_validate({"name": "A", "variants": text}))
    start(platform, caller, made.id)

    def status() -> str:
        with platform.database.reading() as session:
            row = session.get(Broadcast, made.id)
            return "" if row is None else row.status

    with worker_process(platform.settings) as worker:
        wait_until(lambda: status() == BroadcastStatus.DONE, 60, lambda: worker.log)
        ledgers = _children(worker.process.working_pid)
        assert ledgers, "it stays for the next one for a while"
        assert worker.terminate() == 0
    assert not any(Path(f"/proc/{number}").exists() for number in ledgers)
    assert [call["text"] for call in sandbox.sent(method="sendMessage")] == ["Hi Ana"]


def _children(pid: int) -> list[int]:
    """Processes at ledgers that this one has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in found if b"jobs.ledgers" in Path(f"/proc/{each}/cmdline").read_bytes()]
