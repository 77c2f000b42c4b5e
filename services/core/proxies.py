"""Which peers are reverse proxies of this installation, so that what their headers say of the client is believed."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Network, ip_network
from typing import Final

from services.core.addresses import address_of
from services.core.setting_types import Network
from services.core.settings import Settings

# From where nobody on the internet can connect: the machine itself, private networks, those of hosts and containers.
NEARBY: Final = tuple(
    ip_network(network)
    for network in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


class Proxies:
    """The peers to believe. A Unix socket, whose peer has no address, is only for what runs on this machine."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self._networks = tuple(map(_plain, networks))
        self._known = lru_cache(maxsize=1024)(self._holds)

    def __contains__(self, peer: object) -> bool:
        return isinstance(peer, str) and self._known(peer)

    def _holds(self, peer: str) -> bool:
        address = address_of(peer)
        if address is None:
            return not peer and bool(self._networks)
        return any(address in network for network in self._networks)


def proxies_of(settings: Settings) -> Proxies:
    """Nobody without TRUSTED_PROXIES; else PROXY_ADDRESSES, or what is nearby."""
    return Proxies((settings.proxy_addresses or NEARBY) if settings.trusted_proxies else ())


def _plain(network: Network) -> Network:
    """IPv4's network also where it was written as one of IPv6, since peers are compared as IPv4."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return ip_network((mapped, network.prefixlen - 96)) if mapped and network.prefixlen >= 96 else network
