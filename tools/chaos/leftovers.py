"""What is left in the installation that should be gone when it rests."""

from __future__ import annotations

from redis import RedisError

from services.platform.redis import keys
from tools.chaos.installation import Place


def leftovers(place: Place) -> dict[str, int]:
    """Where something waits, and how much."""
    try:
        found = {"sandbox": int(place.telegram.get("/stats")["pending"]), **_in_redis(place)}
    except RedisError:
        return {"no Valkey": 1}
    found["spool"] = len(list((place.folder / "spool").glob("*.jsonl")))
    return {name: number for name, number in found.items() if number}


def _in_redis(place: Place) -> dict[str, int]:
    redis, lanes = place.platform.redis, range(place.platform.settings.update_lanes)
    with redis.pipeline(transaction=False) as pipe:
        for lane in lanes:
            pipe.xlen(keys.update_lane(lane))
            pipe.hlen(keys.update_attempts(lane))
            pipe.exists(keys.wakeup("lane", lane))
            pipe.exists(keys.wakeup("outbox", lane))
        lane_answers = [int(number) for number in pipe.execute()]
        for bot in place.bots.values():
            for priority in keys.OUTBOX_PRIORITIES:
                pipe.xlen(keys.outbox(bot, priority))
        outboxes = [int(number) for number in pipe.execute()]
        given_up = int(redis.xlen(keys.intake_dead()))
    return {
        "lanes": sum(lane_answers[0::4]),
        "attempts": sum(lane_answers[1::4]),
        "doorbells": sum(lane_answers[2::4]) + sum(lane_answers[3::4]),
        "outboxes": sum(outboxes),
        "given up": given_up,
    }
