"""Forged forwarding headers: who asks from where is what the socket and the trusted proxies say."""

from __future__ import annotations

from collections.abc import Iterator

from tools.attack.result import Row, Size
from tools.attack.target import Target

GUARDED = ("/metrics", "/health/full")
LOOPBACKS = (
    "127.0.0.1",
    "::1",
    "127.0.0.1, 127.0.0.1",
    "[::1]:80",
    "127.1",
    "localhost",
    "::ffff:127.0.0.1",
    "",
)
NAMES = (
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "Via",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
)
GUESSES = 150  # over the limit of one address in a minute, 60, also when a minute ends meanwhile
CLIENT = "198.51.100.7"


def forge(target: Target, _size: Size) -> Iterator[Row]:
    """Ask for what is guarded, and guess secrets, with every header."""
    yield _guarded(target)
    yield _guesses(target)


def _guarded(target: Target) -> Row:
    """METRICS_TOKEN is set: neither the machine's own address nor one that a header names stands for it."""
    client, opened, sent = target.client(), list[str](), 0
    forged = [
        {},
        *({name: value if name != "Forwarded" else f"for={value}"} for name in NAMES for value in LOOPBACKS),
    ]
    for path in GUARDED:
        for headers in forged:
            sent += 1
            if client.get(path, **headers).status == 200:
                opened.append(f"{path} {headers or 'without a header'}")
    token = client.get("/metrics", Authorization=f"Bearer {target.secrets.metrics_token}").status
    return Row(
        f"{sent} requests with {len(NAMES)} headers",
        "what METRICS_TOKEN guards opens to the token alone",
        not opened and token == 200,
        f"{len(opened)} opened{f', such as {opened[0]}' if opened else ''}; {token} with the token",
    )


def _guesses(target: Target) -> Row:
    """Each wrong secret claims another origin; what the nearest proxy adds, or the socket, stays the same."""
    client, statuses = target.client("127.0.0.9"), list[int]()
    for number in range(GUESSES):
        made_up = f"203.0.{number // 200}.{number % 200 + 1}"
        headers = {
            "X-Real-IP": made_up,
            "Forwarded": f"for={made_up}",
            "X-Forwarded-For": f"{made_up}, {CLIENT}",
        }
        statuses.append(client.ask("POST", f"/webhook/{target.ana.bot.path}", headers, b"{}").status)
    return Row(
        f"{GUESSES} wrong secrets of a webhook, each with another made-up origin",
        "they count as one address, which is refused in the end",
        statuses[-1] == 429 and statuses[0] == 401,
        f"{statuses.index(429) if 429 in statuses else 'no'} guesses before 429",
    )
