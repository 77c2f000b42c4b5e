"""The manager bot while Redis, the database or its own process goes away, and what was given up meanwhile."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from redis import RedisError
from sqlalchemy import event

from services.messaging.polling.polling import poll_of
from services.messaging.replay.resending import take_turn
from services.messaging.updates.intake import Intake
from services.messaging.updates.update_consumers import UpdateConsumers
from services.operations.manager.desk import ManagerDesk
from services.platform.database import LOCK_PATIENCE_SECONDS
from services.platform.platform import Platform
from tests.blueprints.people import make_account
from tests.services.messaging.draining import QUICK, QUICK_SENDING, handle_all, letters, send_all
from tests.services.operations.manager.chatting import (
    ManagerChat,
    added,
    installation,
    is_wanted,
    link,
)
from tools.servers.fleet import reconciling, worker_process, working
from tools.servers.sandbox import Sandbox, wait_until
from tools.servers.valkey import running_valkey, stalled


def all_resolved(platform: Platform) -> bool:
    """Give replays a turn, as the clock does; whether all letters are settled."""
    take_turn(platform, turn_seconds=0.05)
    return {letter.state for letter in letters(platform)} == {"resolved"}


def test_a_command_outlives_redis_the_database_and_its_process_and_is_done_once(
    platform: Platform, sandbox: Sandbox, server_folder: Path
) -> None:
    folder = server_folder / "valkey-of-the-manager"
    folder.mkdir()
    with running_valkey(folder) as url:
        platform = Platform(platform.settings.model_copy(update={"redis_url": url}))
        platform, admin, chat = installation(platform, sandbox)
        bot = added(platform, admin, sandbox)
        polled = poll_of(platform, Intake(platform), platform.telegram, chat.bot)

        sandbox.send(chat.user, "boss_bot", "/stop_bot red_bot")
        polled.once(0)
        by = UpdateConsumers(platform, threading.Event(), QUICK, ManagerDesk(platform))
        engine = platform.database.engine
        locked: list[Any] = []
        event.listen(engine, "handle_error", locked.append)
        platform.database.lock_patience = 0.1  # in which twenty attempts are made
        with engine.connect() as blocker:
            blocker.exec_driver_sql("ROLLBACK")
            blocker.exec_driver_sql("BEGIN EXCLUSIVE")  # as good as away: nothing can be written
            thread = threading.Thread(target=handle_all, args=(platform, by))
            thread.start()
            wait_until(lambda: len(locked) > 50)
            assert chat.said == []
            blocker.exec_driver_sql("ROLLBACK")
            thread.join(30)
        platform.database.lock_patience = LOCK_PATIENCE_SECONDS
        send_all(platform, chat.bot)
        assert [each["text"] for each in chat.said] == ["Parar o bot Red One (red_bot)?"]

        sandbox.press(chat.user, "boss_bot", *chat.button("Confirmar"))
        polled.once(0)
        with (
            reconciling(platform),
            worker_process(platform.settings, CRASH_AT="drain.before_commit") as worker,
        ):
            assert worker.process.wait(30) == -signal.SIGKILL
        assert not is_wanted(platform, bot), "it died behind the deed and before the answer"
        with reconciling(platform), worker_process(platform.settings) as worker:
            wait_until(lambda: chat.last == "✅ Bot red_bot parado com sucesso")
            with stalled(platform.redis):
                sandbox.send(chat.user, "boss_bot", "/start_bot red_bot")
                with pytest.raises(RedisError):
                    polled.once(0)
            chat.settle()
            sandbox.press(chat.user, "boss_bot", *chat.button("Confirmar"))
            chat.settle()
            wait_until(lambda: chat.last == "✅ Bot red_bot iniciado com sucesso")
        assert len(chat.said) == 2, "each question once, and each became its answer"
        assert is_wanted(platform, bot)
        assert letters(platform) == []
        platform.database.dispose()


def test_real_dead_letters_are_shown_by_cause_and_sent_in_again_from_the_chat(
    platform: Platform, sandbox: Sandbox
) -> None:
    platform, admin, chat = installation(platform, sandbox)
    bot = added(platform, admin, sandbox)
    lead = ManagerChat(platform, sandbox, int(sandbox.create_user()["id"]), bot)
    other = make_account(platform, "other@example.com")
    refusal = "Bad Request: can't parse entities"
    sandbox.fault("status", bot="red_bot", method="sendMessage", status=400, description=refusal)
    with working(platform, QUICK, QUICK_SENDING):
        for _ in range(3):
            lead.start()
        wait_until(lambda: len(letters(platform)) == 3)
        assert chat.send("/dead_letters").startswith("📬 Mensagens mortas, por causa\n\n1. 3 × send @red_bot")
        assert refusal in chat.last
        sandbox.clear_faults()
        assert chat.tap("Reenviar 1") == "Reenviar mensagens mortas: 3?"
        assert lead.last == ""
        assert chat.tap("Confirmar") == "🔁 Mensagens mortas reenviadas: 3"
        wait_until(lambda: all_resolved(platform))
        assert len(lead.said) == 3
        assert chat.send("/dead_letters") == "📭 Nenhuma mensagem morta."
        chat.send("/unlink")
        chat.tap("Confirmar")
        link(chat, other)
        assert chat.send("/dead_letters") == "📭 Nenhuma mensagem morta."
