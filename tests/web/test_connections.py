"""Who gives way when a web worker has many connections."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import gevent
import pytest
from gevent import socket as gevent_socket

from services.core.metrics import CONNECTIONS_ENDED
from web.server.connections import Connection, OpenConnections, connections_for
from web.server.patience import Limits

LIMITS = Limits(head=0.5, idle=4.0, patience=1.0, connections=16)
LONG = Limits(head=60, idle=60, patience=60, connections=16)


class Clients:
    """Both ends of connections from any address."""

    def __init__(self, stack: ExitStack, limits: Limits) -> None:
        self._stack = stack
        self.all = OpenConnections(limits)

    def connect(self, address: object = ("192.0.2.1", 1)) -> Connection | None:
        """A connection that nobody waits for yet."""
        ours, theirs = gevent_socket.socketpair()
        self._stack.callback(theirs.close)
        connection = self.all.admit(ours, address)
        if connection is not None:
            self._stack.callback(connection.close)
        return connection

    def waiting(self, address: object = ("192.0.2.1", 1)) -> Connection:
        """One whose first request is waited for."""
        connection = self.connect(address)
        assert connection is not None
        connection.patience.wait_for_head()
        return connection

    def busy(self, address: object = ("192.0.2.1", 1)) -> Connection:
        """One that the application is at work for."""
        connection = self.connect(address)
        assert connection is not None
        connection.patience.head_came(time.monotonic())
        connection.expect_flow()
        return connection


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_in_a_crowd_those_give_way_that_used_up_most_of_their_time(stack: ExitStack) -> None:
    clients = Clients(stack, LIMITS)
    known = clients.waiting()
    known.patience.head_came(time.monotonic())
    known.expect_flow()
    known.expect_request()
    known.patience.wait_for_head()
    busy = clients.busy()
    silent = [clients.waiting() for _ in range(11)]
    time.sleep(0.1)  # a fifth of a head's time, but a fortieth of an answered connection's
    for connection in silent[2:]:
        connection.patience.wait_for_flow(time.monotonic())
    clients.waiting()
    assert not any(ended(one) for one in [known, busy, *silent])
    clients.waiting()
    assert [ended(one) for one in silent] == [True, True] + [False] * 9
    assert not ended(known)
    assert not ended(busy)


def test_in_a_crowd_who_has_only_begun_to_wait_is_spared(stack: ExitStack) -> None:
    clients = Clients(stack, LONG)
    fresh = [clients.waiting() for _ in range(20)]
    assert not any(ended(one) for one in fresh)


def test_an_address_over_its_share_ends_its_own_oldest(stack: ExitStack) -> None:
    clients = Clients(stack, Limits(connections=64, address_share=0.25))
    other = clients.waiting(("198.51.100.1", 1))
    own = [clients.waiting() for _ in range(17)]
    assert [ended(one) for one in own] == [True, True] + [False] * 15
    assert not ended(other)


def test_an_address_whose_share_is_at_work_is_refused_and_no_other_is(stack: ExitStack) -> None:
    clients = Clients(stack, Limits(connections=64, address_share=0.25))
    own = [clients.busy() for _ in range(16)]
    refused = ended_for("refused")
    assert clients.connect() is None
    assert ended_for("refused") == refused + 1
    assert clients.connect(("192.0.2.2", 1)) is not None
    clients.all.forget(own[0])
    assert clients.connect() is not None
    assert not any(ended(one) for one in own)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_what_one_customer_has_shares(stack: ExitStack, one: str, other: str, together: bool) -> None:
    clients = Clients(stack, Limits(connections=64, address_share=1 / 64))
    clients.busy((one, 1, 0, 0))
    assert (clients.connect((other, 1, 0, 0)) is None) is together


def test_a_unix_socket_and_a_proxy_have_no_share(stack: ExitStack) -> None:
    clients = Clients(stack, Limits(connections=64, address_share=1 / 64))
    assert all(clients.connect("") is not None for _ in range(20))
    behind = Clients(stack, Limits(connections=64, address_share=1 / 64, proxies={"192.0.2.1"}))
    assert all(behind.connect(("192.0.2.1", 1)) is not None for _ in range(20))
    assert behind.busy(("192.0.2.2", 1)) is not None
    assert behind.connect(("192.0.2.2", 1)) is None


def test_who_waits_for_an_ended_peer_is_woken_and_a_request_that_arrived_is_read(stack: ExitStack) -> None:
    ours, theirs = gevent_socket.socketpair()
    clients = OpenConnections(LIMITS)
    connection = clients.admit(ours, "")
    assert connection is not None
    reader = gevent.spawn(connection.recv, 100)
    gevent.sleep(0)
    theirs.sendall(b"GET")
    connection.end()
    assert reader.get(timeout=5) == b"GET"
    half = gevent.spawn(connection.recv, 100)
    gevent.sleep(0)
    assert half.get(timeout=5) == b""
    theirs.close()
    connection.close()


def test_connections_leave_room_for_the_other_files_of_the_process() -> None:
    assert [connections_for(files) for files in (20000, 1024, 256)] == [2000, 774, 50]


def ended(connection: Connection) -> bool:
    """Whether nothing can be received on it any longer."""
    raw = socket.socket(fileno=socket.dup(connection.fileno()))
    with raw:
        raw.setblocking(False)
        try:
            return raw.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False


def ended_for(reason: str) -> float:
    return float(CONNECTIONS_ENDED.labels(reason)._value.get())
