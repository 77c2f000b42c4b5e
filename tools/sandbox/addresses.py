"""Which hosts count as near: loopback, and names allowed at the start."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or bool(mapped and mapped.is_loopback)


def is_near(host: str, allowed: frozenset[str]) -> bool:
    """Loopback, or one of the allowed names."""
    return is_loopback(host) or host.lower() in allowed
