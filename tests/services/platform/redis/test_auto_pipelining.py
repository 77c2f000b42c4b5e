"""Commands of greenlets share round trips, and nothing else: not their errors, not their ends."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.core.settings import Settings
from services.platform.redis.connection import fast_client
from tests.services.platform.redis.test_parser import environment_of

PATCHED = """
from services.core.greenlets import patch
patch()
import os
import gevent
from redis import DataError, Redis, RedisError, ResponseError
from redis.client import NEVER_DECODE
from redis.client import NEVER_DECODE
from services.core.environment import load_settings
from services.platform.redis.connection import fast_client

client = fast_client(load_settings(os.environ))
client.set("text", "a")
other = Redis.from_url(os.environ["REDIS_URL"])


def all_at_once(*calls):
    def told(call):
        try:
            return call()
        except Exception as error:
            return error

    greenlets = [gevent.spawn(told, call) for call in calls]
    gevent.joinall(greenlets, timeout=10, raise_error=True)
    return [each.value for each in greenlets]


def reads():
    return other.info("stats")["total_reads_processed"]
"""
SHARE = """
before = reads()
found = all_at_once(*(lambda number=number: client.echo(str(number)) for number in range(600)))
assert found == [str(number) for number in range(600)], found
assert reads() - before <= 20, reads() - before  # three round trips, in pieces as they arrive
"""
ERRORS = """
found = all_at_once(
    lambda: client.get("text"),
    lambda: client.incr("text"),
    lambda: client.set("half", "\\ud800"),
    lambda: client.set("none", None),
    lambda: client.evalsha("0" * 40, 0),
    lambda: client.incr("counter"),
    lambda: client.get("text"),
)
assert found[0] == found[-1] == "a", found
assert found[-2] == 1, found  # what cannot be sent beside it had nothing sent twice
assert isinstance(found[1], ResponseError) and "not an integer" in str(found[1]), found
assert isinstance(found[2], ValueError), found
assert isinstance(found[3], DataError), found
assert "NOSCRIPT" in repr(found[4]) or "NoScript" in repr(found[4]), found
assert client.get("half") is None
other.set("bytes", bytes([255]))
found = all_at_once(
    lambda: client.incr("counter"),
    lambda: client.get("bytes"),
    lambda: client.execute_command("GET", "bytes", **{NEVER_DECODE: True}),
    lambda: client.get("text"),
)
assert isinstance(found[1], UnicodeDecodeError), found  # its reader's alone
assert found[2:] == [bytes([255]), "a"], found
assert client.get("counter") == "2"
assert client.mget([]) == []
assert client.info("server")["tcp_port"] and client.zrange("z", 0, -1, withscores=True) == []
"""
ENDED = """
def impatient():
    with gevent.Timeout(0.05):
        client.echo("late")

other.client_pause(500)
gone = [gevent.spawn(impatient)]
gevent.sleep(0.01)  # the first round trip is under way
gone.append(gevent.spawn(client.set, "killed", 1))
found = [gevent.spawn(client.echo, str(number)) for number in range(5)]
gevent.sleep(0.01)
gone[1].kill(block=False)
gevent.joinall(found, timeout=10, raise_error=True)
assert [each.value for each in found] == list("01234"), [each.value for each in found]
assert isinstance(gone[0].exception, gevent.Timeout), gone[0]
assert isinstance(gone[1].value, gevent.GreenletExit), gone[1]
assert client.get("killed") is None  # what it waited for is not done behind its back
"""
LOST = """
for _ in range(20):
    ours = str(client.client_id())
    found = all_at_once(
        lambda: client.echo("first"),
        lambda: other.client_kill_filter(_id=ours),
        lambda: client.echo("last"),
    )
    assert found[1] == 1, found
    assert found[0] == "first" or isinstance(found[0], RedisError), found
    assert found[2] == "last" or isinstance(found[2], RedisError), found
assert client.get("text") == "a"
"""
PARTLY = """
import hiredis
from gevent.server import StreamServer

asked = []


def serve(sock, _address):
    # Answers two echoes of a connection, keeps the third for a while, and closes the first connection with it.
    reader, left = hiredis.Reader(), 2 if not asked else 1000
    while received := sock.recv(65536):
        reader.feed(received)
        while (command := reader.gets()) is not False:
            if command[0] == b"HELLO":
                sock.sendall(b"%1\\r\\n$5\\r\\nproto\\r\\n:3\\r\\n")
            elif command[0] != b"ECHO":
                sock.sendall(b"+OK\\r\\n")
            else:
                asked.append(command[1].decode())
                if left == 0:
                    gevent.sleep(0.2)
                    sock.close()
                    return
                left -= 1
                sock.sendall(b"$%d\\r\\n%s\\r\\n" % (len(command[1]), command[1]))


server = StreamServer(("127.0.0.1", 0), serve)
server.start()
os.environ["REDIS_URL"] = f"redis://127.0.0.1:{server.server_port}/0"
client = fast_client(load_settings(os.environ))


told = [gevent.spawn(client.echo, str(number)) for number in range(4)]
gone = gevent.spawn(client.echo, "of an ended caller")
gevent.sleep(0.1)  # all of them are on their way
gone.kill(block=False)
gevent.joinall(told, timeout=10, raise_error=True)
assert [each.value for each in told] == list("0123"), told
assert asked == ["0", "1", "2", "2", "3"], asked  # what was answered is not sent again, nor for a caller who is gone
"""
SILENT = """
from redis import TimeoutError

other.client_pause(2600)
first = gevent.spawn(client.get, "text")
gevent.sleep(1)
[later] = all_at_once(lambda: client.get("text"))
assert isinstance(first.exception, TimeoutError), first
assert isinstance(later, TimeoutError), later
gevent.sleep(1)
assert client.get("text") == "a"
"""


@pytest.mark.parametrize(
    "what",
    [SHARE, ERRORS, ENDED, LOST, PARTLY, SILENT],
    ids=["share", "errors", "ended", "lost", "partly", "silent"],
)
def test_greenlets_share_round_trips_and_nothing_else(settings: Settings, what: str) -> None:
    command = [sys.executable, "-c", PATCHED + what]
    done = subprocess.run(
        command, env=environment_of(settings), stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_threads_send_their_commands_themselves(settings: Settings) -> None:
    with fast_client(settings) as client, ThreadPoolExecutor(8) as threads:
        assert client.shares is False
        assert list(threads.map(client.echo, map(str, range(100)))) == [str(number) for number in range(100)]
