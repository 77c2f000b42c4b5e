"""Generated visitors: who they are, where they may go, what they do."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools.sandbox.visitors.agents import pick_agent, proxy_headers
from tools.sandbox.visitors.wire import NotLoopbackError, check_loopback, read_location

if TYPE_CHECKING:
    from tests.tools.sandbox.conftest import Sandbox

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "url", ["https://t.me/x", "http://10.0.0.1/", "http://127.0.0.1.evil.example/", "ftp://localhost/"]
)
def test_visitors_refuse_other_machines(url: str) -> None:
    with pytest.raises(NotLoopbackError):
        check_loopback(url)


def test_a_redirect_is_read_and_not_followed() -> None:
    landing = read_location(302, "https://t.me/aurora_bot?start=acesso_x1")
    assert (landing.username, landing.payload) == ("aurora_bot", "acesso_x1")
    assert read_location(302, "https://example.com/a/b").username == ""
    assert read_location(503, "").username == ""


def test_most_visitors_are_people_in_social_apps() -> None:
    rng = random.Random(1)
    seen = Counter(pick_agent(rng).name.partition("-")[0] for _ in range(2000))
    assert seen["instagram"] > seen["chrome"] > seen["whatsapp"] > 0


def test_a_played_proxy_names_other_test_addresses_and_countries() -> None:
    rng = random.Random(1)
    named = [proxy_headers(pick_agent(rng), rng) for _ in range(500)]
    addresses = {ip_address(headers["X-Forwarded-For"]) for headers in named}
    assert len(addresses) > 490
    assert all(address in ip_network("198.18.0.0/15") for address in addresses)
    countries = Counter(headers["CF-IPCountry"] for headers in named)
    assert countries["BR"] > 250
    assert len(countries) > 4


@pytest.fixture
def go_link(sandbox: Sandbox) -> Iterator[tuple[str, list[Any]]]:
    """A stand-in for Flotilla's /go: turns between two bots."""
    bots = [sandbox.bot()["username"] for _ in range(2)]
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers))
            self.send_response(302)
            name = bots[len(seen) % 2]
            self.send_header("Location", f"{sandbox.url}/{name}?start=acesso_{len(seen)}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/go/red1", seen
    server.shutdown()
    server.server_close()


def test_the_demo_clicks_starts_bans_and_revives(sandbox: Sandbox, go_link: tuple[str, list[Any]]) -> None:
    link, seen = go_link
    flags = [
        "--go",
        link,
        "--sandbox",
        sandbox.url,
        "--rate",
        "40",
        "--seconds",
        "1",
        "--seed",
        "3",
        "--pace",
        "0.01",
        "--scenario",
        "demo",
        "--ban-at",
        "0.3",
        "--revive-at",
        "0.5",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tools.sandbox.visitors", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "is dead from the start" in done.stdout
    statuses = {bot["username"]: bot["status"] for bot in sandbox.control("GET", "/bots")["bots"]}
    assert sorted(statuses.values()) == ["alive", "revoked"]
    assert len(seen) > 10
    assert not any("X-Forwarded-For" in headers for headers in seen), "only with --proxied"
    assert sandbox.control("GET", "/stats")["users"] > 5
    assert "starts=" in done.stdout.splitlines()[-1]
