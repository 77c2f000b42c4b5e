"""The program in docs/workers-over-redis.md drives a bot as it stands there."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from services.core.settings import Settings
from services.fleet.workers.programs import environment_of
from services.fleet.workers.registry import worker_of
from services.messaging.workers.streams.serving import serve_streams
from services.platform.platform import Platform
from tests.services.fleet.workers.conftest import no_users_left, owner_of, worker_bot  # noqa: F401
from tests.services.messaging.draining import handle_all, replies
from tools.servers.fleet import accept_all, message
from tools.servers.sandbox import wait_until

PAGE = (Path(__file__).parents[2] / "docs" / "workers-over-redis.md").read_text()
LONGEST = 20  # lines


def test_the_program_over_redis_answers_two_people_in_order_and_is_short(
    settings: Settings,
    platform: Platform,
    no_users_left: None,  # noqa: F811
) -> None:
    (text,) = [
        piece for piece in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "xreadgroup" in piece
    ]
    assert len([line for line in text.splitlines() if line.strip()]) <= LONGEST
    own, done = (
        Platform(settings.model_copy(update={"worker_redis_url": settings.redis_url})),
        threading.Event(),
    )
    bot, _ = worker_bot(own, 7001)
    told = environment_of(own, *worker_of(own, owner_of(bot), bot.id))
    serving = threading.Thread(target=serve_streams, args=(own, lambda: not done.is_set()))
    serving.start()
    running = subprocess.Popen([sys.executable, "-c", text], env=told)
    try:
        accept_all(own, bot, [message(at + 1, 501 + at % 2, f"{at}") for at in range(6)])
        handle_all(own)
        wait_until(lambda: len(replies(platform, bot)) == 6)
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait(10)
        done.set()
        serving.join(30)
        own.database.dispose()
    for person in ("501", "502"):
        said = [text for chat, text in replies(platform, bot) if chat == person]
        assert said == [f"You said: {at}" for at in range(6) if f"{501 + at % 2}" == person]
