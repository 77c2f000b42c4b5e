"""Bots with rows, webhook paths and plugins, and a worker, for tests of the update road."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from models import Account, Bot, BotPlugin
from services.core.settings import Settings
from services.messaging.outbox.senders import Senders
from services.messaging.outbox.timings import DEFAULT_TIMINGS as SENDING
from services.messaging.outbox.timings import OutboxTimings
from services.messaging.updates.intake import Intake
from services.messaging.updates.reconcile import wake_waiting
from services.messaging.updates.timings import DEFAULT_TIMINGS, UpdateTimings
from services.messaging.updates.update_consumers import UpdateConsumers
from services.operations.manager.desk import ManagerDesk
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce
from tools.servers.forked import ForkedProcess

Plugins = tuple[tuple[str, dict[str, Any]], ...]
ECHO: Plugins = (("start", {"welcome_message": "Olá, {first_name}!"}), ("echo", {"echo_all": True}))


def add_bot(platform: Platform, identity: dict[str, Any], plugins: Plugins = ECHO) -> Bot:
    """The row of a running webhook bot that is `identity` at the sandbox, with its path published."""
    with platform.database.transaction() as session:
        account = Account(email=f"{secrets.token_hex(4)}@example.com", password_hash="-")
        session.add(account)
        session.flush()
        bot = Bot(
            account_id=account.id,
            public_id=f"bot_{secrets.token_hex(6)}",
            telegram_bot_id=identity["id"],
            username=identity["username"],
            sealed_token="-",
            mode="webhook",
            path_id=secrets.token_hex(16),
        )
        bot.plugins = [
            BotPlugin(position=index, name=name, config=config)
            for index, (name, config) in enumerate(plugins)
        ]
        session.add(bot)
        session.flush()
        bot.sealed_token = platform.vault.seal(identity["token"], owner=f"bot:{bot.id}")
    platform.redis.hset(keys.webhook_paths(), bot.path_id, str(bot.id))
    announce(platform.redis, Topic.BOT, bot.id)
    return bot


def message(update_id: int, chat_id: int, text: str, **sender: Any) -> dict[str, Any]:
    """An update with a text message in a private chat, as Telegram sends it."""
    person = {"id": chat_id, "is_bot": False, "first_name": "Ana", "language_code": "pt-br", **sender}
    entities = (
        [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
        if text[:1] == "/"
        else []
    )
    return {
        "update_id": update_id,
        "message": {
            "message_id": update_id,
            "date": 1_700_000_000,
            "from": person,
            "chat": {"id": chat_id, "type": "private", "first_name": "Ana"},
            "text": text,
            **({"entities": entities} if entities else {}),
        },
    }


@dataclass
class Workers:
    """All lanes and outboxes of an installation worked off in this process, by plain threads."""

    platform: Platform
    stopping: threading.Event
    handling: UpdateTimings = DEFAULT_TIMINGS
    sending: OutboxTimings = SENDING

    def __post_init__(self) -> None:
        self.inbound = UpdateConsumers(
            self.platform, self.stopping, self.handling, ManagerDesk(self.platform)
        )
        self.outbound = Senders(self.platform, self.stopping, self.sending)
        self.inbound.start()
        self.outbound.start()
        self._threads: list[threading.Thread] = []
        for number in range(self.platform.settings.update_lanes):
            for drain in (self.inbound.consume, self.outbound.send_shard):
                thread = threading.Thread(target=self._for_ever, args=(drain, number), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _for_ever(self, drain: Any, number: int) -> None:
        while not self.stopping.is_set():
            drain(number)
            self.stopping.wait(0.05)

    def stop(self) -> None:
        """End all threads."""
        self.stopping.set()
        self.inbound.stop()
        self.outbound.stop()
        for thread in self._threads:
            thread.join(15)


@contextmanager
def working(
    platform: Platform, handling: UpdateTimings = DEFAULT_TIMINGS, sending: OutboxTimings = SENDING
) -> Iterator[Workers]:
    """Workers inside this process."""
    workers = Workers(platform, threading.Event(), handling, sending)
    try:
        yield workers
    finally:
        workers.stop()


class WorkerProcess:
    """A worker process of the installation of `settings`, forked off one that has its imports."""

    def __init__(self, settings: Settings, command: tuple[str, ...], environ: dict[str, str]) -> None:
        told, its_errors = os.pipe()
        self.process = ForkedProcess(command, {**environment(settings), **environ}, its_errors)
        os.close(its_errors)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, args=(told,), daemon=True)
        self._reader.start()

    def _read(self, told: int) -> None:
        with os.fdopen(told) as errors:
            self.lines.extend(errors)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(10)

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(25)

    @property
    def log(self) -> str:
        """What it logged so far."""
        return "".join(self.lines)


@contextmanager
def worker_process(
    settings: Settings, command: tuple[str, ...] = ("-m", "jobs.worker"), **environ: str
) -> Iterator[WorkerProcess]:
    """A worker process that is killed in the end if it still runs."""
    worker = WorkerProcess(settings, command, environ)
    try:
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.kill()


@contextmanager
def reconciling(platform: Platform) -> Iterator[None]:
    """Ring for what waits, every half second, as the clock process does every two."""
    stopping = threading.Event()

    def ring() -> None:
        while not stopping.wait(0.5):
            wake_waiting(platform)

    thread = threading.Thread(target=ring, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(5)


def stream(platform: Platform, name: str) -> list[tuple[str, dict[str, str]]]:
    """All entries of a stream."""
    entries: Any = platform.redis.xrange(name)
    return list(entries)


def environment(settings: Settings) -> dict[str, str]:
    """The environment variables that give another process these settings."""
    return {
        "PATH": os.environ["PATH"],
        "APP_ENV": "test",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "TELEGRAM_API_URL": settings.telegram_api_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "ENCRYPTION_KEYS": ",".join(key.get_secret_value() for key in settings.encryption_keys),
        "PACING_CHAT_PER_SECOND": str(settings.pacing_chat_per_second),
        "PACING_CHAT_BURST": str(settings.pacing_chat_burst),
        "PACING_BOT_PER_SECOND": str(settings.pacing_bot_per_second),
        "USER_RATE_PER_MINUTE": str(settings.user_rate_per_minute),
    }


def accept_all(platform: Platform, bot: Bot, updates: list[dict[str, Any]]) -> None:
    """Bring updates of one bot in, one after the other."""
    intake = Intake(platform)
    for update in updates:
        intake.accept(bot.id, update)
