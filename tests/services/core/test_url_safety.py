"""Addresses that people type in lead outside or nowhere."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from services.core.errors import InvalidInput, Unavailable
from services.core.url_safety import is_public, names_public_host, resolve

LITERALS = {
    "2606:4700::1111": True,
    "fe80::1%eth0": False,
    "::1": False,
    "::ffff:10.0.0.1": False,
    "1:2": False,
}
INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "192.0.0.1",
    "192.0.0.9",
    "192.88.99.1",
    "168.63.129.16",
    "::ffff:168.63.129.16",
    "fec0::1",
    "3fff::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public_however_it_is_written(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/",
        "https://①②⑦.⓪.⓪.①/",
        "https://127。0。0。1/",
        "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    ],
)
def test_a_url_that_leads_inside_is_refused(url: str) -> None:
    with pytest.raises((InvalidInput, Unavailable)):
        resolve(url, allow_loopback=False)


@pytest.mark.parametrize(
    "host", ["①②⑦.⓪.⓪.①", "127。0。0。1", "１０.0.0.1", "x.ｌocal", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "\u202ea.example"]
)
def test_a_link_is_judged_by_what_a_browser_reads(host: str) -> None:
    assert not names_public_host(host)
    assert names_public_host("i❤.example")  # which is nobody's address inside


@pytest.mark.parametrize(
    "url",
    [
        "http://1.1.1.1/",
        "ftp://1.1.1.1/",
        "https://user@1.1.1.1/",
        "https:///path",
        "https://1.1.1.1:99999/",
        "https://exa mple.com/",
        "https://1.1.1.1/\r\nX: y",
        "javascript:alert(1)",
        "https://1.1.1.1/" + "a" * 2000,
    ],
)
@pytest.mark.parametrize("allow_loopback", [True, False])
def test_only_https_without_names_and_passwords_is_an_address(url: str, allow_loopback: bool) -> None:
    with pytest.raises(InvalidInput) as refused:
        resolve(url, allow_loopback=allow_loopback)
    assert refused.value.code == "url_refused"


def _known(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def getaddrinfo(_host: str, port: int, **_: Any) -> list[Any]:
        return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_name_with_one_address_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _known(monkeypatch, "1.1.1.1", "10.0.0.1")
    with pytest.raises(InvalidInput, match="private network"):
        resolve("https://example.com/", allow_loopback=False)


def test_the_exception_for_this_machine_is_for_no_other_private_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _known(monkeypatch, "192.168.0.1")
    with pytest.raises(InvalidInput, match="private network"):
        resolve("http://router.example/", allow_loopback=True)


def test_the_resolved_address_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    _known(monkeypatch, "1.1.1.1")
    target = resolve("https://example.com:8443/hook?key=1", allow_loopback=False)
    assert (target.ip, target.host_header, target.path) == ("1.1.1.1", "example.com:8443", "/hook?key=1")


@pytest.mark.parametrize(("host", "is_public_one"), LITERALS.items())
def test_an_ipv6_address_in_a_link_is_judged_like_any(host: str, is_public_one: bool) -> None:
    assert names_public_host(host) is is_public_one
