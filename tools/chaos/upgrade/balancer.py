"""Caddy in front of two web processes, as the reverse proxy of a deployment."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CADDY = Path(sys.executable).parent / "caddy"
# A process that is not there refuses at once; the other one is asked next. Nothing was sent by then, so a POST is too.
# Orders come by the gates, as a readiness check: a reload of Caddy's would open its socket anew, and lose visitors itself.
CONFIGURATION = """{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    log {{
        output file {log}
    }}
    reverse_proxy {upstreams} {{
        lb_policy round_robin
        lb_try_duration 5s
        lb_try_interval 50ms
        fail_duration 1s
        health_uri /
        health_port {gate}
        health_interval 250ms
        health_timeout 5s
    }}
}}
"""


class Gate:
    """Says on `host` whether the balancer may lead anybody to the web process there."""

    def __init__(self, host: str, port: int) -> None:
        self.is_open = True
        gate = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if gate.is_open else 503)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: four lines a second."""

        self._server = ThreadingHTTPServer((host, port), Answering)
        threading.Thread(target=self._server.serve_forever, daemon=True, name=f"gate-{host}").start()

    def close(self) -> None:
        """No more answers."""
        self._server.shutdown()
        self._server.server_close()


def command(folder: Path, port: int, web: Mapping[str, int], gate: int) -> list[str]:
    """Caddy on `port`, with its files in `folder`, before web processes (host -> port) that have a gate each."""
    folder.mkdir(parents=True)
    file = folder / "Caddyfile"
    upstreams = " ".join(f"{host}:{each}" for host, each in web.items())
    file.write_text(
        CONFIGURATION.format(port=port, log=folder / "access.log", upstreams=upstreams, gate=gate)
    )
    homes = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
    return [
        "env",
        *(f"{name}={folder}" for name in homes),
        str(CADDY),
        "run",
        *("--config", str(file), "--adapter", "caddyfile"),
    ]


def answers(folder: Path) -> dict[str, Counter[int]]:
    """How often which status was answered, by the first part of the path: `go`, `webhook`, …"""
    found: dict[str, Counter[int]] = {}
    for entry in _entries(folder / "access.log"):
        part = entry["request"]["uri"].partition("?")[0].split("/")[1]
        found.setdefault(part, Counter())[int(entry["status"])] += 1
    return found


def _entries(file: Path) -> Iterator[dict[str, Any]]:
    with file.open() as lines:
        for line in lines:
            entry = json.loads(line)
            if "request" in entry:
                yield entry
