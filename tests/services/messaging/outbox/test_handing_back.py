"""A shard goes from one process to another in the middle of its work."""

from __future__ import annotations

import threading
from collections.abc import Callable

from models import Bot
from plugins.effects import Priority
from services.messaging.outbox.enqueue import enqueue_call
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobQueue, waiting_jobs
from services.queueing.fair_share import FairShare
from tests.services.messaging.draining import senders, shard_of
from tools.servers.sandbox import Sandbox, wait_until


def test_a_shard_that_is_wanted_back_goes_to_the_next_with_what_it_has_left(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    left: Callable[[], int],
) -> None:
    sandbox.fault("delay", seconds=0.2)
    for user in people * 100:
        enqueue_call(
            platform, bot.id, "sendChatAction", {"chat_id": user, "action": "typing"}, Priority.REPLY
        )
    sending, shard = senders(platform), shard_of(platform, bot)
    sending.share = FairShare(8, settled=0.0)
    thread = threading.Thread(target=sending.send_shard, args=(shard,))
    thread.start()
    wait_until(lambda: left() < 400)
    platform.redis.delete(f"rq:queue:{JobQueue.OUTBOUND}")  # the first one's
    sending.share.weigh(8, {}, 1)
    thread.join(60)
    assert not thread.is_alive()
    assert 0 < left() < 400
    assert not platform.redis.exists(keys.lease(f"outbox:{shard}"))
    assert waiting_jobs(platform.redis, JobQueue.OUTBOUND)
    sandbox.clear_faults()
    sending.send_shard(shard)
    assert left() == 0
