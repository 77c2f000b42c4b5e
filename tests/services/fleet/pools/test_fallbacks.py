"""Fallback addresses as they go into a Location header."""

from __future__ import annotations

import pytest

from services.core.errors import InvalidInput
from services.core.url_safety import ascii_host
from services.fleet.pools.fallbacks import check_fallback_url


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://straße.example/é", "https://xn--strae-oqa.example/%C3%A9"),
        ("https://Bücher.example:8443/", "https://xn--bcher-kva.example:8443/"),
        ("https://例え.テスト。example/", "https://xn--r8jz45g.xn--zckzah.example/"),
        ("https://[2606:4700::1111]:8443/é", "https://[2606:4700::1111]:8443/%C3%A9"),
    ],
)
def test_other_letters_become_what_every_other_address_of_ours_makes_of_them(typed: str, kept: str) -> None:
    assert check_fallback_url(typed) == kept
    host = typed.split("/")[2].rsplit(":", 1)[0]
    assert host.startswith("[") or f"//{ascii_host(host.lower())}" in kept


@pytest.mark.parametrize("typed", ["https://xn--ü.example/", "https://a\u0338b..é/", "https://-é.example/"])
def test_what_can_be_no_host_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput):
        check_fallback_url(typed)
