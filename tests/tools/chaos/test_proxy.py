"""A line that forgets its connections: who holds one hears nothing, who opens another gets through, from the same port too."""

from __future__ import annotations

import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tools.chaos.proxy import Proxy
from tools.servers.sandbox import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere what comes is acknowledged")
PATIENCE_SECONDS = 5.0
GIVEN_UP_MS = 300  # of what nobody acknowledges: the port is free then, and no reset was sent


def _echo(listener: socket.socket) -> None:
    while True:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_repeat, args=(line,), daemon=True).start()


def _repeat(line: socket.socket) -> None:
    with line:
        while data := line.recv(100):
            line.sendall(data)


@pytest.fixture
def wire() -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_echo, args=(listener,), daemon=True).start()
        proxy = Proxy(listener.getsockname()[1])
        yield proxy
        proxy.close()


def connect(wire: Proxy, port: int = 0) -> socket.socket:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    line.settimeout(PATIENCE_SECONDS)
    line.bind(("127.0.0.1", port))
    line.connect(("127.0.0.1", wire.port))
    return line


def answers(line: socket.socket, word: bytes) -> bool:
    line.sendall(word)
    try:
        return line.recv(100) == word
    except TimeoutError:
        return False


def test_a_lost_connection_says_nothing_and_the_next_one_from_its_port_passes(wire: Proxy) -> None:
    lost = connect(wire)
    lost.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GIVEN_UP_MS)
    assert answers(lost, b"before")
    wire.lose()
    other = connect(wire)
    wait_until(lambda: answers(other, b"new ones pass"))
    lost.settimeout(0.5)
    assert not answers(lost, b"and the lost one says nothing")
    port = lost.getsockname()[1]
    lost.close()
    time.sleep(3 * GIVEN_UP_MS / 1000)
    again = connect(wire, port)
    assert answers(again, b"the same port")
    for line in (other, again):
        line.close()


def test_a_second_loss_finds_those_of_the_first_closed_and_loses_the_others(wire: Proxy) -> None:
    first: list[socket.socket] = []
    second: list[socket.socket] = []
    for lines in (first, second):
        lines += [connect(wire) for _ in range(12)]
        assert all(answers(line, b"new ones pass") for line in lines)
        if lines is first:
            wire.lose()
    for line in first:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()  # by a reset, which passes
    wait_until(lambda: sum(each.is_closing() for each in list(wire._open)) >= len(first))
    wire.lose()
    for line in second:
        line.sendall(b"lost as well")
    assert select.select(second, [], [], 0.5)[0] == []
    for line in second:
        line.close()
