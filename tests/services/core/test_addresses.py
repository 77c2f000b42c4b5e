"""What is an address, and which ones are the same."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from services.core.addresses import client_network, is_this_machine, plain_address
from services.core.proxies import Proxies

WRITTEN = {
    "198.51.100.2": "198.51.100.2",
    "198.51.100.2:40000": "198.51.100.2",
    " 198.51.100.2 ": "198.51.100.2",
    "::ffff:198.51.100.2": "198.51.100.2",
    "::FFFF:c633:6402": "198.51.100.2",
    "[::ffff:198.51.100.2]:40000": "198.51.100.2",
    "2001:db8::1": "2001:db8::1",
    "2001:0DB8:0::0001": "2001:db8::1",
    "[2001:db8::1]": "2001:db8::1",
    "[2001:db8::1]:443": "2001:db8::1",
    '"[2001:db8::1]:443"': "2001:db8::1",
    "fe80::1%eth0": "fe80::1",
    "[fe80::1%25eth0]:80": "fe80::1",
}
NONE = [
    "",
    "unknown",
    "_hidden",
    "localhost",
    "198.51.100",
    "198.51.100.256",
    "198.51.100.2:",
    "198.51.100.2:port",
    "198.51.100.2, 198.51.100.3",
    "[2001:db8::1",
    "[2001:db8::1]x",
    "2001:db8::1::2",
    "１.2.3.4",
    "1.2.3.4:４０",
    "1" * 5000,
    "[" * 99,
]


@pytest.mark.parametrize(("text", "address"), WRITTEN.items())
def test_an_address_is_the_same_however_it_is_written(text: str, address: str) -> None:
    assert plain_address(text) == address


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_address_is_none(text: str) -> None:
    assert plain_address(text) == ""
    assert client_network(text) == ""


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5:5000", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2"),
        ("2001:0DB8:0001:0002::9", "2001:db8:1:2"),
        ("2001:db8::9", "2001:db8:0:0"),
        ("64:ff9b::203.0.113.5", "64:ff9b:0:0"),
        ("::1", "0:0:0:0"),
    ],
)
def test_an_ipv6_client_is_its_network(text: str, network: str) -> None:
    assert client_network(text) == network


def test_this_machine_is_known_by_every_name_it_has() -> None:
    here = ["localhost", "LOCALHOST.", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]
    elsewhere = ["", "localhost.example.com", "127.example.com", "198.51.100.2", "unknown"]
    assert [is_this_machine(host) for host in here] == [True] * len(here)
    assert [is_this_machine(host) for host in elsewhere] == [False] * len(elsewhere)


def test_a_proxy_is_known_by_its_address_however_either_is_written() -> None:
    proxies = Proxies((ip_network("::ffff:10.1.0.0/112"), ip_network("fe80::/10")))
    assert all(peer in proxies for peer in ("10.1.2.3", "::ffff:10.1.2.3", "fe80::1%eth0", ""))
    assert not any(peer in proxies for peer in ("10.2.0.1", "unknown", "2001:db8::1"))
