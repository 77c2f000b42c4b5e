"""What a program writes to its topic reaches the bot's outbox, each record once, whatever dies or is written between."""

from __future__ import annotations

import json

from confluent_kafka import Message

from models import Bot
from services.core.kafka_settings import Transport
from services.fleet.workers.registry import NewWorker, end_worker, give_worker
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.workers.kafka.clients import administrator, options_of
from services.messaging.workers.kafka.feeding import Feeder
from services.messaging.workers.kafka.moving import Mover
from services.messaging.workers.kafka.topics import Topics
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from tests.services.messaging.draining import letters, replies
from tests.services.messaging.workers.kafka.conftest import QUICK, Program, say_to, texts, until
from tools.servers.fleet import stream

ANA = 501
SECRET = "1234567890:" + "B" * 35


def said(text: str, **more: object) -> dict[str, object]:
    """A record as programs of the seed write it, their bot's token beside it."""
    return {
        "bot_token": SECRET,
        "method": "sendMessage",
        "params": {"chat_id": ANA, "text": text, **more},
    }


def sent(platform: Platform, bot: Bot) -> list[str]:
    """The texts in the bot's outbox."""
    return [text for _, text in replies(platform, bot)]


def test_each_record_is_sent_in_order_and_one_that_is_no_call_stops_nobody(
    platform: Platform, bot: Bot, worker: WorkerIdentity, feeder: Feeder, mover: Mover, program: Program
) -> None:
    until(feeder.round, lambda: feeder_made(platform, worker))
    refused: list[object] = [b"no json", b"[1]", {"params": {}}, {"method": "sendMessage", "params": 3}]
    link = {"inline_keyboard": [[{"text": "x", "url": "javascript:alert(1)"}]]}
    refused += [{"method": "getUpdates"}, said("two", reply_markup=link), b"x" * 300_000]
    deep = json.dumps(said("two", entities="here")).replace('"here"', "[" * 600 + f'"{SECRET}"' + "]" * 600)
    program.say(said("one"), *refused, deep.encode(), said("three"))
    until(mover.round, lambda: len(sent(platform, bot)) == 2)
    assert replies(platform, bot) == [(str(ANA), "one"), (str(ANA), "three")]
    assert SECRET not in json.dumps(stream(platform, keys.outbox(bot.id, "reply")))
    found = letters(platform)
    assert {each.error.partition(":")[0] for each in found} > {"record_invalid", "method_refused"}
    assert len(found) == 3  # one of a kind
    assert SECRET not in json.dumps([[each.payload, each.error] for each in found])


def test_two_processes_that_read_the_same_records_send_each_once(
    platform: Platform, bot: Bot, worker: WorkerIdentity, feeder: Feeder, mover: Mover, program: Program
) -> None:
    until(feeder.round, lambda: feeder_made(platform, worker))
    former = Mover(platform, QUICK)  # its lease is over, and it does not know it yet
    program.say(said("one"))
    until(former.round, lambda: sent(platform, bot) == ["one"])
    program.say(said("two"), said("three"))
    until(mover.round, lambda: len(sent(platform, bot)) == 3)
    program.say(said("four"))
    until(former.round, lambda: len(sent(platform, bot)) == 4)
    assert sent(platform, bot) == ["one", "two", "three", "four"]
    former.close()
    platform.redis.hdel(work_keys.moved(bot.id), "0")  # Redis forgot; Kafka was told as well
    following = Mover(platform, QUICK)
    program.say(said("five"))
    until(following.round, lambda: len(sent(platform, bot)) == 5)
    assert sent(platform, bot)[-1] == "five"
    following.close()


def test_a_kafka_that_lost_everything_is_written_to_again_and_its_new_records_are_not_taken_for_old_ones(
    platform: Platform, bot: Bot, worker: WorkerIdentity, feeder: Feeder, mover: Mover, program: Program
) -> None:
    until(feeder.round, lambda: feeder_made(platform, worker))
    program.say(said("one"))
    until(mover.round, lambda: sent(platform, bot) == ["one"])
    say_to(platform, bot, (ANA, "unread"), (ANA, "unread too"))
    until(feeder.round, lambda: platform.redis.hlen(work_keys.records(bot.id)) == 2)
    for each in (mover, feeder, program):
        each.close()
    Topics(administrator(options_of(platform.settings)), 1).drop(worker.public_id)
    platform.redis.hset(work_keys.moved(bot.id), "0", 7)  # so many were moved of the lost topic
    restarted, successor = Feeder(platform, QUICK), Mover(platform, QUICK)
    until(restarted.round, lambda: platform.redis.hlen(work_keys.records(bot.id)) == 2)
    again = Program(platform.settings, worker)
    found: list[Message] = []
    until(lambda _: found.extend(again.read()), lambda: len(found) >= 2)
    assert texts(found) == ["unread", "unread too"]
    again.say(said("two"))
    until(successor.round, lambda: sent(platform, bot) == ["one", "two"])
    for each in (restarted, successor, again):
        each.close()


def test_the_topics_go_with_the_worker_and_a_new_one_begins_with_empty_ones(
    platform: Platform, bot: Bot, worker: WorkerIdentity, owner: Principal, feeder: Feeder, program: Program
) -> None:
    topics = Topics(administrator(options_of(platform.settings)), 1)
    say_to(platform, bot, (ANA, "old"))
    until(feeder.round, lambda: platform.redis.hlen(work_keys.records(bot.id)) == 1)
    end_worker(platform, owner, bot.id)
    until(feeder.round, lambda: not feeder_made(platform, worker))
    names = (work_keys.incoming(worker.public_id), work_keys.outgoing(worker.public_id))
    assert [topics.partitions(name) for name in names] == [0, 0]
    new = NewWorker(max_replicas=3, transport=Transport.KAFKA)
    give_worker(platform, owner, bot.id, new, start=True)
    say_to(platform, bot, (ANA, "new"), first=2)
    until(feeder.round, lambda: platform.redis.hlen(work_keys.records(bot.id)) == 1)
    assert [topics.partitions(name) for name in names] == [3, 1]
    successor = Program(platform.settings, worker, partitions=3)
    found: list[Message] = []
    until(lambda _: found.extend(successor.read()), lambda: found)
    assert texts(found) == ["new"]
    successor.close()


def feeder_made(platform: Platform, worker: WorkerIdentity) -> bool:
    """Whether the topics are there, as far as is known."""
    return bool(platform.redis.hexists(work_keys.topics(), worker.public_id))
