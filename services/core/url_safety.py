"""The guard in front of addresses that people type in (SSRF): only public hosts, checked after the name was resolved.

The caller connects to the resolved address itself, so a name that changes its mind afterwards gains nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import string
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import idna

from services.core.addresses import Address, address_of
from services.core.errors import InvalidInput, Unavailable
from services.core.i18n import Text

# Not global in fact, whatever the registries' tables in Python say: protocol assignments, 6to4 relays, the metadata
# service of a large cloud, site-local addresses that some networks still route, and examples newer than the tables.
INSIDE = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "fec0::/10", "3fff::/20")
)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 inside IPv6, which a gateway would unpack
LONGEST_URL = 2000
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?![0-9])")  # a number after the colon is a port
AS_TYPED = string.ascii_letters + string.digits + string.punctuation  # of a path: the rest is percent-encoded
LOCAL_NAMES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


@dataclass(frozen=True)
class Target:
    """Where to connect: `ip` and `port`; `host` is for the certificate and the Host header. All of it is ASCII."""

    host: str
    port: int
    ip: str
    path: str
    secure: bool

    @property
    def host_header(self) -> str:
        """The Host header: the name, with the port unless it is the scheme's own."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.secure else 80) else f"{name}:{self.port}"


def parse_target(url: str, *, allow_loopback: bool) -> tuple[str, int, str, bool]:
    """(host, port, path with query, secure) of an https address; InvalidInput `url_refused` says what is wrong.

    Other letters than ASCII's become what goes over the wire: punycode in the host, percent signs in the rest.
    `allow_loopback` (development and tests only) also accepts plain http, for a receiver on this machine.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(Text("This is not a web address")) from None
    secure = parts.scheme == "https"
    host = ascii_host(parts.hostname or "")
    if len(url) > LONGEST_URL or not host or any(not sign.isprintable() or sign == " " for sign in url):
        raise _refused(Text("This is not a web address"))
    if parts.username is not None or parts.password is not None:
        raise _refused(Text("The address must not contain a user name or password"))
    if not secure and not (parts.scheme == "http" and allow_loopback):
        raise _refused(Text("The address must begin with https://"))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return host, port or (443 if secure else 80), quote(path, safe=AS_TYPED), secure


def ascii_host(name: str) -> str:
    """The host as the DNS knows it (IDNA 2008, UTS 46), without a dot at its end; "" for what can be no host's name.

    What only looks like another name or address, such as "①②⑦.⓪.⓪.①", is that one from here on.
    """
    if name.isascii():
        return name.rstrip(".")
    try:
        return idna.encode(name, uts46=True).decode().rstrip(".")
    except idna.IDNAError:
        return ""


def resolve(url: str, *, allow_loopback: bool, inside: Sequence[Network] = ()) -> Target:
    """The checked target of `url`. Raises InvalidInput for an address inside, Unavailable for a name nobody knows.

    What lies in the networks `inside`, which an admin named, is reached as loopback is by `allow_loopback`.
    """
    host, port, path, secure = parse_target(url, allow_loopback=allow_loopback or bool(inside))
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter for a label that is too long
        raise Unavailable(Text("The name {host} cannot be resolved", host=host)) from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        near = (allow_loopback and address.is_loopback) or any(address in network for network in inside)
        if not near and not is_public(address):
            raise _refused(Text("The host {host} is inside a private network", host=host))
        if not secure and not near:
            raise _refused(Text("The address must begin with https://"))
    return Target(host, port, str(addresses[0]), path, secure)


def names_public_host(host: str) -> bool:
    """Whether `host` may be on the public internet, as far as can be told without resolving it.

    For addresses that only browsers are sent to; what we fetch ourselves goes through `resolve`.
    """
    if ":" in host:
        address = address_of(host)
        return address is not None and is_public(address)
    try:
        name = idna.uts46_remap(host).rstrip(".").lower()  # as browsers read it: "①②⑦.⓪.⓪.①" is 127.0.0.1
    except idna.IDNAError:
        return False
    try:
        return is_public(ipaddress.ip_address(name))
    except ValueError:
        # A name without a dot, a local one, or an address in disguise ("127.1", "0x7f.1", "2130706433").
        last = name.rpartition(".")[2]
        return "." in name and not (name.endswith(LOCAL_NAMES) or last.isdecimal() or last.startswith("0x"))


def check_link(url: str) -> None:
    """Refuse what no button may open: other schemes than the web's and Telegram's own, and hosts that are not public.

    Without a scheme, as Telegram allows, https is meant. Raises InvalidInput `url_refused`.
    """
    if any(not sign.isprintable() for sign in url):
        raise _refused(Text("This is not a web address"))
    text = url.strip()
    try:
        parts = urlsplit(text if SCHEME.match(text) else f"https://{text}")
        host = parts.hostname or ""
    except ValueError:
        raise _refused(Text("This is not a web address")) from None
    if parts.scheme not in ("https", "http", "tg"):
        raise _refused(Text("A button's address must begin with https://, http:// or tg://"))
    if parts.scheme != "tg" and not names_public_host(host):
        raise _refused(Text("The host {host} is inside a private network", host=host))


def is_public(address: Address) -> bool:
    """Whether `address` is on the public internet, seen through every way to write IPv4 as IPv6."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not (
        any(address in network for network in INSIDE)
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
    )


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _refused(reason: Text) -> InvalidInput:
    return InvalidInput(reason, code="url_refused", field="url")
