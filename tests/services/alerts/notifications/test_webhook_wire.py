"""What a webhook's delivery is on the wire: to which address, under which name, and for how long."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from services.alerts.notifications.destinations import drivers, webhook
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.registry import try_destination
from services.core.errors import InvalidInput
from services.core.i18n import SOURCE, translate
from services.platform import pinned_connection
from tests.architecture.source import ROOT
from tests.services.alerts.notifications.world import Owner
from tools.servers.broken import answering, http, self_signed
from tools.servers.receivers import Receiver, http_receiver

NAME = "hooks.example"


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Makes certificates that the driver trusts."""

    def make(host: str) -> Path:
        made = self_signed(tmp_path, host)
        monkeypatch.setattr("certifi.where", lambda: str(made))
        pinned_connection._authorities.cache_clear()
        return made

    yield make
    pinned_connection._authorities.cache_clear()


def names(monkeypatch: pytest.MonkeyPatch, **known: str | list[str]) -> list[str]:
    """A DNS that knows these names (`_` for a dot), each answer of a list once; the list of what it was asked."""
    asked: list[str] = []
    real = socket.getaddrinfo
    answers = {name.replace("_", "."): answer for name, answer in known.items()}

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in answers:
            return real(host, port, *args, **kwargs)
        asked.append(host)
        answer = answers[host]
        address = answer if isinstance(answer, str) else answer.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def port_of(receiver: Receiver) -> int:
    port = urlsplit(receiver.url).port
    assert port is not None
    return port


def test_the_certificate_is_that_of_the_name_while_the_address_is_the_checked_one(
    owner: Owner, trusted: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_receiver(trusted(NAME)) as receiver:
        asked = names(monkeypatch, hooks_example="127.0.0.1")
        owner.webhook(f"https://{NAME}:{port_of(receiver)}/in")
        owner.tell(Kind.MEMBER_OFFLINE)
        assert owner.send() == 1
    assert asked == [NAME, NAME]  # when it was entered, and once to deliver
    assert receiver.names == [NAME]
    assert receiver.posts[0].headers["Host"] == f"{NAME}:{port_of(receiver)}"


def test_a_certificate_of_another_name_gets_no_message(
    owner: Owner, trusted: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_receiver(trusted("other.example")) as receiver:
        names(monkeypatch, hooks_example="127.0.0.1")
        owner.webhook(f"https://{NAME}:{port_of(receiver)}/in")
        owner.tell(Kind.MEMBER_OFFLINE)
        assert owner.send() == 0
    assert receiver.posts == []
    assert "SSLCertVerificationError" in translate(owner.deliveries()[0].last_error, SOURCE)


def test_a_certificate_that_nobody_vouches_for_gets_no_message(
    owner: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_receiver(self_signed(tmp_path, NAME)) as receiver:
        names(monkeypatch, hooks_example="127.0.0.1")
        owner.webhook(f"https://{NAME}:{port_of(receiver)}/in")
        owner.tell(Kind.MEMBER_OFFLINE)
        assert owner.send() == 0
    assert receiver.posts == []
    assert "SSLCertVerificationError" in translate(owner.deliveries()[0].last_error, SOURCE)


def test_a_name_is_asked_for_once_per_delivery_so_that_no_second_answer_can_lead_inside(
    owner: Owner, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first answer is for entering the address, the second for the delivery; a third would lead nowhere.
    asked = names(monkeypatch, hooks_example=["127.0.0.1", "127.0.0.1", "192.0.2.1", "192.0.2.1"])
    owner.webhook(f"http://{NAME}:{port_of(receiver)}/in")
    owner.tell(Kind.MEMBER_OFFLINE)
    assert owner.send() == 1
    assert asked == [NAME, NAME]


def test_other_letters_in_path_and_query_go_over_the_wire_with_percent_signs(
    owner: Owner, receiver: Receiver
) -> None:
    made = owner.webhook(f"{receiver.url}/avisos/ação/%20?chave=ü&x={{1}}")
    assert try_destination(owner.platform, owner.caller, made.destination.id) is None
    assert receiver.posts[0].path == "/avisos/a%C3%A7%C3%A3o/%20?chave=%C3%BC&x={1}"


def test_a_host_in_other_letters_is_called_by_its_ascii_name(
    owner: Owner, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, **{"xn--avises-sxa_example": "127.0.0.1"})
    owner.webhook(f"http://avisões.example:{port_of(receiver)}/")
    owner.tell(Kind.MEMBER_OFFLINE)
    assert owner.send() == 1
    assert receiver.posts[0].headers["Host"] == f"xn--avises-sxa.example:{port_of(receiver)}"


@pytest.mark.parametrize(
    "host",
    ["i❤.example", "-é.example", "é" * 64 + ".example", "\u202eabc.example"],
    ids=["sign", "hyphen", "long", "turned"],
)
def test_what_no_host_can_be_called_is_refused_when_it_is_entered(owner: Owner, host: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        owner.webhook(f"https://{host}/")
    assert refused.value.code == "url_refused"


def test_an_answer_that_never_ends_is_neither_read_nor_waited_for(owner: Owner) -> None:
    with answering(http(b"x" * 100, length=99_999_999), drip_seconds=0.1) as url:
        owner.webhook(url)
        owner.tell(Kind.MEMBER_OFFLINE)
        began = time.monotonic()
        assert owner.send() == 1
        assert time.monotonic() - began < 3


def test_a_head_that_is_none_names_no_path_in_the_log(owner: Owner, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with answering(http(b"", headers="no header\r\n: \r\n")) as url:
        owner.webhook(f"{url}/canary-key?key=canary-query")
        owner.tell(Kind.MEMBER_OFFLINE)
        owner.send()
    assert "Failed to parse headers" in caplog.text  # the line that names the address
    assert "canary" not in caplog.text


DRIPPING = """
from gevent import monkey; monkey.patch_all()
import sys, time
from services.core.errors import NotDelivered
from services.alerts.notifications.destinations import webhook
from services.core.url_safety import Target
webhook.TOTAL_SECONDS = 1.0
began = time.monotonic()
try:
    webhook.post(Target("h.example", int(sys.argv[1]), "127.0.0.1", "/", sys.argv[2] == "tls"), b"{}", {})
except NotDelivered as error:
    print(error.message, round(time.monotonic() - began))
"""


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_a_receiver_that_drips_is_left_in_a_process_of_ours(kind: str) -> None:
    """In its head, or in the middle of agreeing on a key: each read succeeds, and the whole takes too long."""

    answer = b"\x16\x03\x03\x40\x00" + b"\x16" * 100 if kind == "tls" else b"HTTP/1.1 200 OK\r\n" + b"H" * 100
    with answering(answer, drip_seconds=0.1) as url:
        port = str(urlsplit(url).port)
        done = subprocess.run(
            [sys.executable, "-c", DRIPPING, port, kind],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.stdout == "h.example did not answer as it should (HandlerTimeout) 1\n", done.stderr


def test_a_driver_that_breaks_down_takes_no_other_delivery_with_it(
    owner: Owner, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver = webhook.deliver

    def broken(platform: Any, destination: Any, message: Any) -> Any:
        if destination.id == first.destination.id:
            raise ValueError("canary")
        return deliver(platform, destination, message)

    monkeypatch.setitem(drivers.DRIVERS, "webhook", broken)
    first = owner.webhook(f"{receiver.url}/1")
    owner.webhook(f"{receiver.url}/2")
    owner.tell(Kind.MEMBER_OFFLINE)
    assert owner.send() == 1
    assert sorted(owner.statuses()) == ["pending", "sent"]
    assert "canary" not in translate(owner.destination(first.destination.id).last_error, SOURCE)
