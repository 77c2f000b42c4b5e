"""Programs of owners, started on this machine by a supervisor in a thread of the test."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models import Bot, BotWorker
from services.core.settings import Settings
from services.fleet.workers.copies import Copies, copies_of, exits_of, output_of
from services.fleet.workers.registry import NewWorker, give_worker
from services.operations.programs.bot_copies import Patience
from services.operations.programs.local import LocalDriver, Times
from services.operations.programs.supervision import Supervisor, Timings
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tools.servers.fleet import add_bot

QUICK = Timings(
    tick=0.05,
    longest_wait=0.2,
    sample=0.05,
    breath=0.01,
    leaderless=30.0,
    patience=Patience(first_pause=0.05, longest_pause=0.2, stable=3600.0, proven=30.0),
)
Give = Callable[..., "Started"]


@pytest.fixture
def settings(settings: Settings, server_folder: Path) -> Settings:
    """Limits that are soon met, and users of this test process's own."""
    return settings.model_copy(
        update={
            "worker_dir": server_folder / "programs",
            "worker_first_uid": 80_000 + os.getpid() % 1000 * 20,
            "worker_copies": 20,
            "worker_memory_mb": 64,
            "worker_disk_mb": 2,
            "worker_processes": 20,
            "worker_cooldown_seconds": 0.0,
        }
    )


class Started:
    """A bot with a program, as its owner sees it."""

    def __init__(self, platform: Platform, bot: Bot, token: str) -> None:
        self.platform = platform
        self.bot = bot
        self.token = token

    @property
    def copies(self) -> Copies:
        """What is said of its copies; none before anything is."""
        return copies_of(self.platform.redis, self.bot.id) or Copies()

    @property
    def lines(self) -> list[str]:
        """What they wrote."""
        return [line for _, _, line in output_of(self.platform.redis, self.bot.id)]

    @property
    def reasons(self) -> list[str]:
        """Why they ended, newest first."""
        return [each.reason for each in exits_of(self.platform.redis, self.bot.id)]

    def change(self, **values: object) -> None:
        """Change its row as another process would, unheard."""
        with self.platform.database.transaction() as session:
            worker = session.get_one(BotWorker, self.bot.id)
            for name, value in values.items():
                setattr(worker, name, value)

    def get(self, count: int) -> None:
        """Have so many updates wait for it."""
        redis = self.platform.redis
        for _ in range(count):
            redis.xadd(work_keys.incoming(self.bot.public_id), {"update": "{}"})
            redis.xadd(work_keys.wake(), {"bot": self.bot.id})


def processes_of(settings: Settings) -> list[int]:
    """The processes of the users that copies run as."""
    return list(users_by_process(settings))


def users_by_process(settings: Settings) -> dict[int, int]:
    """The same processes, each with its user: one to a copy, however many processes that has."""
    users = range(settings.worker_first_uid, settings.worker_first_uid + settings.worker_copies)
    found = {}
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            uid = os.stat(f"/proc/{pid}").st_uid
        except FileNotFoundError:
            continue
        if uid in users:
            found[int(pid)] = uid
    return found


@pytest.fixture
def give(platform: Platform) -> Give:
    """Gives a bot a program: its command and what else `NewWorker` has."""
    numbers = iter(range(7001, 8000))

    def start(command: str, **more: object) -> Started:
        number = next(numbers)
        token = f"{number}:" + "A" * 35
        bot = add_bot(platform, {"id": number, "username": f"worker{number}_bot", "token": token})
        admin = Principal(bot.account_id, f"account:{bot.account_id}", is_admin=True)
        new = NewWorker(command=command, **more)  # type: ignore[arg-type]
        made, _, worker_token = give_worker(platform, admin, bot.id, new, start=True)
        return Started(platform, made, worker_token)

    return start


class Leading:
    """A supervisor that works in a thread of its own until it is let go."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Lead."""
        self._ends.clear()
        self._thread = threading.Thread(
            target=self.supervisor.lead, args=(lambda: not self._ends.is_set(),), daemon=True
        )
        self._thread.start()

    def let_go(self) -> None:
        """Lead no more; the copies go on."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join(20)
            assert not self._thread.is_alive()


@pytest.fixture
def leading(platform: Platform) -> Iterator[Leading]:
    """A supervisor at work; at the end every copy of it ends."""
    found = Leading(Supervisor(platform, LocalDriver(platform.settings, Times(stop=0.3, watch=0.05)), QUICK))
    found.begin()
    yield found
    found.let_go()
    found.supervisor.stop()
