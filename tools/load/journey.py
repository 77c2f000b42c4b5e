"""What one visitor does: click on the link, press Start at the bot that the link leads to, write to it.

Without any import of ours: locust runs this from an environment of its own, the suite from the product's. Who calls brings the
requests; a visitor is known by a number that no other has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

PERSON = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
FIRST_ADDRESS = 198 << 24 | 18 << 16  # 198.18.0.0/15, set aside for benchmarks by RFC 2544: 131,072 addresses
SMALL_SHARE = 4  # one visitor in so many comes by the second link
Get = Callable[
    [str, Mapping[str, str]], tuple[int, str]
]  # address, headers -> status (0: no answer), Location
Post = Callable[[str, Mapping[str, Any]], int]  # address, body -> status


@dataclass(frozen=True)
class Order:
    """How many visitors come, at which rate, whereto. The first link's bots are many, the second's few."""

    web: str  # http://127.0.0.1:…
    telegram: str  # the sandbox
    links: tuple[str, str]  # slugs
    first_person: int  # Telegram's number of the first visitor
    visitors: int
    rate: float  # arrivals a second, whatever the answers do
    seconds: float  # after which nobody comes any more


@dataclass
class Book:
    """What the visitors saw. `clicks`: [slug, status, ms from when the click was due]; `late`: ms that clicks left late, from that too."""

    clicks: list[tuple[str, int, float]] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    starts: int = 0
    texts: int = 0
    refused: int = 0  # of Start and text, by the sandbox: a fault of this test, not of the installation
    seconds: float = 0.0


def slug_of(order: Order, number: int) -> str:
    """The link of a visitor."""
    return order.links[number % SMALL_SHARE == 0]


def click(order: Order, number: int, get: Get) -> tuple[int, str]:
    """Click; the status and where it led."""
    address = FIRST_ADDRESS + number % (1 << 17)
    dotted = ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))
    headers = {"User-Agent": PERSON, "Accept-Language": "pt-BR,pt;q=0.9", "X-Forwarded-For": dotted}
    link = f"{order.web}/go/{slug_of(order, number)}?utm_source=load&fbclid=visitor-{number}"
    return get(link, headers)


def talk(order: Order, number: int, location: str, book: Book, post: Post) -> None:
    """Press Start with the payload of the link, then write; the bot's webhook gets both from the sandbox."""
    parts = urlsplit(location)
    chat = f"{order.telegram}/sandbox/api/chats/{order.first_person + number}{parts.path}"
    payload = parse_qs(parts.query).get("start", [""])[0]
    if post(f"{chat}/start", {"payload": payload}) == 201:
        book.starts += 1
    else:
        book.refused += 1
        return
    if post(f"{chat}/send", {"text": f"I am visitor {number}"}) == 201:
        book.texts += 1
    else:
        book.refused += 1
