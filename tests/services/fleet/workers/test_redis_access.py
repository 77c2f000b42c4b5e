"""What the program of a bot may do in Redis, tried with every command that the server knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, ConnectionError, NoPermissionError, ResponseError

from models import Bot, BotWorker
from services.core.settings import Settings
from services.fleet.bots.registry import delete_bot
from services.fleet.workers.access_keeper import AccessKeeper
from services.fleet.workers.programs import environment_of
from services.fleet.workers.redis_access import address_for, ask, database_of
from services.fleet.workers.redis_view import redis_way
from services.fleet.workers.registry import end_worker, renew_token, revoke_token, worker_of
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tests.services.fleet.workers.conftest import Connect, owner_of, worker_bot

READING = {"xreadgroup", "xpending", "xlen", "xinfo|stream", "xinfo|groups", "xinfo|consumers"}
ALLOWED = READING | {"xadd", "xack", "ping", "select", "client|setname", "client|setinfo"}
# These change what follows on the connection. Redis asks for no permission for the first four; MULTI and its ends are given.
APART = {"auth", "hello", "quit", "reset", "multi", "exec", "discard"}


def commands(redis: Redis) -> dict[str, int]:
    """Every command and subcommand of the server, with how many words it takes at least."""
    answer: Any = ask(redis, "COMMAND")
    infos = answer.values() if isinstance(answer, dict) else answer
    known: dict[str, int] = {}
    for info in infos:
        inner = info["subcommands"]
        for name, arity in [(each[0], each[1]) for each in inner] or [(info["name"], info["arity"])]:
            known[name.lower()] = abs(arity)
    return known


def attempts(name: str, words: int, stream: str, other_database: str) -> list[list[str]]:
    """A command about `stream`, in the forms that its own syntax and that of others may want."""
    own = {
        "xreadgroup": ["GROUP", "g", "c", "STREAMS", stream, ">"],
        "xadd": [stream, "*", "a", "b"],
        "xack": [stream, "g", "1-1"],
        "xpending": [stream, "g"],
        "ping": [],
        "select": [other_database],
        "client|setname": [stream],
        "client|setinfo": ["LIB-NAME", stream],
    }
    parts = name.split("|")
    filled = [*parts, *[stream] * (words - len(parts))]
    counted = [*parts, stream, *["1"] * (words - len(parts) - 1)] if words > len(parts) else filled
    return [[*parts, *own[name]]] if name in own else [filled, counted]


def refused(client: Redis, wanted: list[list[str]]) -> list[bool]:
    """Of each command whether the server refused it for want of permission, or to everybody, and for nothing else."""
    with client.pipeline(transaction=False) as pipe:
        for words in wanted:
            ask(pipe, *words)
        answers = pipe.execute(raise_on_error=False)
    assert not [
        answer for answer in answers if "number of arguments" in str(answer) or "unknown" in str(answer)
    ]
    shut = (
        "command not allowed. If the enable-"  # DEBUG and MODULE, which the server's configuration keeps shut
    )
    return [isinstance(answer, NoPermissionError) or shut in str(answer) for answer in answers]


def test_of_all_commands_of_the_server_those_few_pass_on_its_own_streams_alone(
    platform: Platform, connect: Connect
) -> None:
    (bot, token), (other, _) = worker_bot(platform, 7001), worker_bot(platform, 7002)
    client = connect(bot, token)
    incoming, outgoing = work_keys.streams(bot.public_id)
    known = commands(platform.redis)
    assert len(known) > 300
    platform.redis.set("flotilla:secret", "x")
    streams = [incoming, outgoing, *work_keys.streams(other.public_id), "flotilla:secret", "", "*"]
    elsewhere = str(database_of(platform.settings) + 1)
    passed: dict[str, set[str]] = {}
    for stream in streams:
        tries = [
            (name, each)
            for name in known.keys() - APART
            for each in attempts(name, known[name], stream, elsewhere)
        ]
        for (name, _), is_refused in zip(tries, refused(client, [words for _, words in tries]), strict=True):
            if not is_refused:
                passed.setdefault(name, set()).add(stream)
    assert passed == {
        **{name: set(streams) for name in ("ping", "client|setname", "client|setinfo")},
        **{name: {incoming} for name in READING | {"xack"}},
        "xadd": {outgoing},
    }  # SELECT of another database is not among them
    with pytest.raises(NoPermissionError):
        client.xreadgroup("g", "c", {incoming: ">", work_keys.incoming(other.public_id): ">"})


def test_whatever_stands_outside_of_permissions_opens_nothing_and_a_transaction_holds_what_is_allowed(
    platform: Platform, connect: Connect
) -> None:
    bot, token = worker_bot(platform, 7001)
    client = connect(bot, token)
    incoming, outgoing = work_keys.streams(bot.public_id)
    with client.pipeline() as pipe:  # MULTI, EXEC
        pipe.xadd(outgoing, {"method": "sendMessage", "params": "{}"})
        pipe.xack(incoming, work_keys.group(bot.public_id), "1-1")
        assert pipe.execute()[1] == 0
    with client.pipeline() as pipe, pytest.raises(ResponseError):
        pipe.xadd(outgoing, {"a": "b"})
        pipe.delete(outgoing)
        pipe.execute()
    assert platform.redis.xlen(outgoing) == 1  # nothing of the second
    anonymous = without_user(platform)
    for words in (["PING"], ["ACL", "WHOAMI"], ["AUTH", ""], ["AUTH", "default", ""], ["HELLO", "3"]):
        with pytest.raises((AuthenticationError, ResponseError)):
            ask(anonymous, *words)
    ask(client, "RESET")
    with pytest.raises((AuthenticationError, ResponseError)):
        ask(client, "GET", "flotilla:secret")


def test_a_program_of_an_installation_in_another_database_reaches_that_one_alone(settings: Settings) -> None:
    address = settings.redis_url.rpartition("/")[0]
    there = {
        "redis_url": f"{address}/1000",
        "worker_redis_url": address,
    }  # the number is the installation's to say
    platform = Platform(settings.model_copy(update=there))
    bot, token = worker_bot(platform, 7001)
    url, outgoing = (
        address_for(platform.settings, bot.public_id, token) or "",
        work_keys.outgoing(bot.public_id),
    )
    assert url.endswith("/1000")
    assert Redis.from_url(url).xadd(outgoing, {"a": "b"})
    with pytest.raises(NoPermissionError):
        Redis.from_url(url.removesuffix("/1000")).xadd(outgoing, {"a": "b"})
    assert platform.redis.delete(outgoing) == 1


def test_a_program_is_cut_off_when_its_token_is_renewed_or_revoked_its_worker_ended_or_its_bot_deleted(
    platform: Platform, connect: Connect
) -> None:
    endings: dict[str, Callable[[Bot], object]] = {
        "renew": lambda bot: renew_token(platform, owner_of(bot), bot.id),
        "revoke": lambda bot: revoke_token(platform, owner_of(bot), bot.id),
        "end": lambda bot: end_worker(platform, owner_of(bot), bot.id),
        "delete": lambda bot: delete_bot(platform, owner_of(bot), bot.id),
    }
    for number, (name, end) in enumerate(endings.items(), start=7001):
        bot, token = worker_bot(platform, number)
        client = connect(bot, token)
        assert client.ping()
        end(bot)
        assert not [each for each in platform.redis.client_list() if each["user"] == bot.public_id], name
        with pytest.raises((AuthenticationError, ConnectionError)):
            client.ping()
        with pytest.raises(AuthenticationError):
            connect(bot, token).ping()
        assert (bot.public_id in platform.redis.acl_users()) is (name == "renew")


def test_a_round_makes_users_that_are_missing_or_different_and_deletes_those_that_should_not_be(
    platform: Platform, connect: Connect
) -> None:
    redis, keeper = platform.redis, AccessKeeper(platform)
    (bot, token), (ended, old) = worker_bot(platform, 7001), worker_bot(platform, 7002)
    mine = f"+select|{database_of(platform.settings)}"
    keeper.round()
    incoming = work_keys.incoming(bot.public_id)

    def lost() -> None:
        redis.acl_deluser(bot.public_id)
        redis.delete(incoming)

    def widened() -> None:
        ask(redis, "ACL", "SETUSER", bot.public_id, "+@all", "~*")

    def reopened() -> None:
        ask(redis, "ACL", "SETUSER", bot.public_id, "reset", "on", ">else", mine)

    def surplus() -> None:
        ask(redis, "ACL", "SETUSER", "bot_0123456789ab", "on", ">x", mine, "+ping")

    def foreign() -> None:
        """Another installation's, in another database of the same server."""
        ask(redis, "ACL", "SETUSER", "bot_ba9876543210", "on", ">x", "+select|77")

    for change in (lost, widened, reopened, surplus, foreign):
        change()
        keeper.round()
        client = connect(bot, token)
        assert client.xreadgroup(work_keys.group(bot.public_id), "c", {incoming: ">"}) in ([], {}, None), (
            change
        )
        with pytest.raises(NoPermissionError):
            client.get("flotilla:secret")
        with pytest.raises(AuthenticationError):
            connect(bot, "else").ping()
    assert set(redis.acl_users()) == {"default", bot.public_id, ended.public_id, "bot_ba9876543210"}
    with platform.database.transaction() as session:  # as if Redis had been away when the owner revoked it
        session.get_one(BotWorker, ended.id).token_hash = None
    assert connect(ended, old).ping()
    assert [each.identity.public_id for each in keeper.round()] == [bot.public_id]
    with pytest.raises(AuthenticationError):
        connect(ended, old).ping()


def test_where_users_cannot_be_made_nothing_fails_and_the_owner_is_told_why(
    platform: Platform, settings: Settings
) -> None:
    bot, _ = worker_bot(platform, 7001)
    owner = owner_of(bot)
    assert "does not run" in way(platform, bot)[1]
    AccessKeeper(platform).round()
    url, reason = way(platform, bot)
    assert ((url or "").rpartition(":")[0], reason) == (f"redis://{bot.public_id}@127.0.0.1", "")
    platform.redis.acl_setuser(
        "managed", enabled=True, passwords=["+m"], commands=["+@all", "-acl"], keys=["*"]
    )
    address = settings.redis_url.replace("redis://:tests-only@", "redis://managed:m@")
    managed = Platform(settings.model_copy(update={"redis_url": address}))
    assert AccessKeeper(managed).round() == []
    assert way(managed, bot) == (None, "This Redis does not allow us to make users for programs")
    renew_token(managed, owner, bot.id)
    delete_bot(managed, owner, bot.id)
    closed = Platform(settings.model_copy(update={"worker_redis_url": ""}))
    bot, token = worker_bot(closed, 7002)
    assert AccessKeeper(closed).round() == []
    assert way(closed, bot) == (None, "Programs are not let into Redis here: WORKER_REDIS_URL is not set")
    assert bot.public_id not in platform.redis.acl_users()
    assert "REDIS_URL" not in environment_of(closed, *worker_of(closed, owner_of(bot), bot.id))
    told = environment_of(platform, *worker_of(platform, owner_of(bot), bot.id))
    assert told["REDIS_URL"].startswith(f"redis://{bot.public_id}:{quote(token, safe='')}@")


def way(platform: Platform, bot: Bot) -> tuple[str | None, str]:
    """The address and the reason that the owner of a bot is shown."""
    shown = redis_way(platform, *worker_of(platform, owner_of(bot), bot.id))
    return shown["url"], str(shown["reason"])


def without_user(platform: Platform) -> Redis:
    """A client that gives neither name nor password."""
    address = platform.settings.redis_url
    return Redis.from_url(address.replace(":tests-only@", ""), decode_responses=True)
