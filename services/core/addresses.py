"""An address of the internet as text says it: a socket's peer, a proxy's header, the host of a URL. Nothing else reads one."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

Address = IPv4Address | IPv6Address
# With a port only in brackets or where there is no other colon: "2001:db8::1:443" is an address.
_WRITTEN: Final = re.compile(
    r'"?(?:\[(?P<inside>[^\]]+)\](?::\d{1,5})?|(?P<plain>[^:]+):\d{1,5}|(?P<bare>[^"]+))"?', re.ASCII
)
LONGEST: Final = 100  # characters: no address is as long, its zone included


@lru_cache(maxsize=4096)
def address_of(text: str) -> Address | None:
    """The address in `text`, which may have a port, brackets, quotes or a zone (`fe80::1%eth0`); None when it is none.

    IPv4 is IPv4 also where an IPv6 socket or proxy writes it as `::ffff:198.51.100.2`.
    """
    written = _WRITTEN.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if written is None:
        return None
    host = written["inside"] or written["plain"] or written["bare"]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@lru_cache(maxsize=4096)
def plain_address(text: str) -> str:
    """The address in `text` alone, in the one way that it is compared and kept; "" when it is none."""
    return str(address_of(text) or "")


@lru_cache(maxsize=4096)
def client_network(text: str) -> str:
    """Whose address it is: IPv4's is its own, of IPv6 the /64, within which a household or phone changes; "" for none."""
    address = address_of(text)
    if not isinstance(address, IPv6Address):
        return str(address or "")
    return ":".join(f"{int(group, 16):x}" for group in address.exploded.split(":")[:4])


def is_this_machine(host: str) -> bool:
    """Whether `host`, an address or a name, is this machine's own loopback."""
    address = address_of(host)
    return host.lower().rstrip(".") == "localhost" if address is None else address.is_loopback
