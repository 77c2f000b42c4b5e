"""Redis forgets its users when it restarts: programs get in again by themselves."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from launch.ports import free_port
from services.core.settings import Settings
from services.fleet.workers.redis_access import address_for
from services.fleet.workers.tokens import resolve_worker
from services.messaging.workers.streams.serving import serve_streams
from services.platform.platform import Platform
from tests.services.fleet.workers.conftest import worker_bot
from tests.services.messaging.draining import replies
from tests.services.messaging.workers.streams.conftest import Program
from tools.servers.sandbox import wait_until
from tools.servers.valkey import running_valkey


def test_after_a_restart_that_forgot_everything_programs_are_let_in_again_and_served(
    settings: Settings, tmp_path: Path
) -> None:
    port, done = free_port(), threading.Event()
    tmp_path.chmod(0o755)
    address = f"redis://:tests-only@127.0.0.1:{port}/0"
    own = Platform(settings.model_copy(update={"redis_url": address, "worker_redis_url": address}))
    serving = threading.Thread(target=serve_streams, args=(own, lambda: not done.is_set()))
    try:
        with running_valkey(tmp_path, port):
            bot, token = worker_bot(own, 7001)
            program = Program(
                Redis.from_url(address_for(own.settings, bot.public_id, token) or "", decode_responses=True),
                resolve_worker(own, token),
            )
            serving.start()
            assert program.read() == []
        for number in (1, 2):
            with running_valkey(tmp_path, port):
                wait_until(lambda: is_let_in(program))
                program.call(
                    data=json.dumps({"method": "sendMessage", "params": {"chat_id": 5, "text": f"{number}"}})
                )
                wait_until(lambda: replies(own, bot) == [("5", f"{number}")])  # noqa: B023  # called in this turn
    finally:
        done.set()
        serving.join(30)
        own.database.dispose()


def is_let_in(program: Program) -> bool:
    """Whether Redis knows the program and has a group for it."""
    try:
        return program.read() == []
    except RedisError:
        return False
