"""Whoever is connected when a web worker closes its socket is answered."""

from __future__ import annotations

import socket
from typing import Any

import gevent
import pytest
from gevent.pool import Pool
from gevent.server import StreamServer

from web.server.listener import DrainingServer

WAITING = 5


def serve(server_class: type[StreamServer], room: int) -> list[bytes]:
    """What clients get that connected and asked before the server could accept, when it closes next."""

    def answer(client: Any, _address: Any) -> None:
        client.sendall(b"answered " + client.recv(100))

    server = server_class(("127.0.0.1", 0), handle=answer, spawn=Pool(room))
    server.start()
    clients = [socket.create_connection(("127.0.0.1", server.server_port), 5) for _ in range(WAITING)]
    for client in clients:
        client.sendall(b"hello")
    server.close()
    gevent.sleep(0.05)
    return [_received(client) for client in clients]


def _received(client: socket.socket) -> bytes:
    with client:
        try:
            return client.recv(100)
        except ConnectionResetError:
            return b"reset"


def test_who_is_connected_when_it_closes_is_answered() -> None:
    assert serve(DrainingServer, 100) == [b"answered hello"] * WAITING


def test_a_server_of_gevents_resets_them() -> None:
    """Why there is one of our own; when this fails, there need not be."""
    assert serve(StreamServer, 100) == [b"reset"] * WAITING


@pytest.mark.parametrize("room", [1, 3])
def test_no_more_than_there_is_room_for(room: int) -> None:
    found = serve(DrainingServer, room)
    assert sorted(found) == sorted([b"answered hello"] * room + [b"reset"] * (WAITING - room))
