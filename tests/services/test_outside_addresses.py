"""Addresses that people type in: only public hosts, however the others are written."""

from __future__ import annotations

import pytest

from services.errors import InvalidInput, Unavailable
from services.outside_addresses import names_public_host, resolve
from services.pools.fallbacks import check_fallback_url

INSIDE = (
    "localhost",
    "localhost.",
    "printer",
    "db.internal",
    "nas.local",
    "127.0.0.1",
    "127.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fc00::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
)
OUTSIDE = ("example.com", "xn--bcher-kva.example.com", "8.8.8.8", "[2606:4700::1111]")


@pytest.mark.parametrize("host", INSIDE)
def test_hosts_inside_are_refused_for_browsers_and_for_ourselves(host: str) -> None:
    assert not names_public_host(host.strip("[]"))
    with pytest.raises(InvalidInput):
        check_fallback_url(f"https://{host}/x")
    with pytest.raises((InvalidInput, Unavailable)):  # a name nobody knows is not fetched from either
        resolve(f"https://{host}/x", allow_loopback=False)


@pytest.mark.parametrize("host", OUTSIDE)
def test_public_hosts_are_taken(host: str) -> None:
    assert names_public_host(host.strip("[]"))
    assert check_fallback_url(f"https://{host}/x") == f"https://{host}/x"


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//example.com", "ftp://example.com"],
)
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_fallback_url(url)
    with pytest.raises(InvalidInput):
        resolve(url, allow_loopback=False)
