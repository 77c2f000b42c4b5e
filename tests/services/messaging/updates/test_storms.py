"""Kills of the process that has a lane, again and again, while the same innocent updates are in hand beside a guilty one.

The processes are forks of one that has imported everything, so that they are up within milliseconds.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Event

import pytest

from models import Bot
from services.core.environment import load_settings
from services.core.settings import Settings
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.lanes import lane_of
from tests.services.messaging.draining import QUICK, consumers, letters, replies
from tools.servers.fleet import accept_all, environment, message
from tools.servers.sandbox import wait_until

KILLS = 12
LIFE_SECONDS = 0.3  # at most, about what two innocent handlers take
CALM_SECONDS = 0.6  # longer than any life in the storm


def work(environ: Mapping[str, str], lane: int, isolation: float, up: Event) -> None:
    """What a process of the storm does: nothing but this lane, until it is empty."""
    import tests.services.messaging.updates.plugins_for_tests  # noqa: F401, PLC0415 - it declares itself

    platform = Platform(load_settings(environ))
    inbound = consumers(platform, replace(QUICK, isolation=isolation, trial_calm=CALM_SECONDS))
    up.set()
    while platform.redis.xlen(keys.update_lane(lane)):
        inbound.consume(lane)


def started(context: ForkServerContext, settings: Settings, lane: int, isolation: float) -> ForkServerProcess:
    up = context.Event()
    process = context.Process(target=work, args=(environment(settings), lane, isolation, up), daemon=True)
    process.start()
    wait_until(up.is_set)
    return process


@pytest.mark.parametrize("isolation", [CALM_SECONDS, 30.0], ids=["trials after", "trials amid suspects"])
def test_whoever_kills_again_and_again_condemns_no_innocent(
    platform: Platform, settings: Settings, bot: Bot, isolation: float
) -> None:
    lane = lane_of(bot.id, "1", settings.update_lanes)
    chats = [chat for chat in range(1, 200) if lane_of(bot.id, str(chat), settings.update_lanes) == lane]
    texts = ["sleep 0.15 a", "sleep 0.15 b", "die", "sleep 0.15 c"]
    accept_all(platform, bot, [message(n, chats[n], text) for n, text in enumerate(texts)])
    accept_all(platform, bot, [message(n, chats[n - 10], "behind it") for n in range(10, 14)])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "tests.services.messaging.updates.plugins_for_tests"])
    chance = random.Random(14)
    for _ in range(KILLS):
        process = started(context, settings, lane, isolation)
        process.join(chance.uniform(0.0, LIFE_SECONDS))
        process.kill()
        process.join()
    deadline = time.monotonic() + 60
    while platform.redis.xlen(keys.update_lane(lane)) and time.monotonic() < deadline:
        started(context, settings, lane, isolation).join(20)
    [letter] = letters(platform)
    assert '"die"' in str(letter.payload["update"])
    answered = {text for _, text in replies(platform, bot)}
    assert answered >= {text for text in texts if text != "die"}
    assert [text for _, text in replies(platform, bot)].count("behind it") == len(texts)
