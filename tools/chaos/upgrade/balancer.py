"""Caddy in front of two web processes, as the reverse proxy of a deployment: who does not take a connection is passed over."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CADDY = Path(sys.executable).parent / "caddy"
# A process that is not there refuses at once; the other one is asked next. Nothing was sent by then, so a POST is too.
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
    }}
}}
"""


def command(folder: Path, port: int, upstreams: list[int]) -> list[str]:
    """The command line of Caddy on `port`, with its configuration and its log in `folder`."""
    folder.mkdir(parents=True)
    file = folder / "Caddyfile"
    addresses = " ".join(f"127.0.0.1:{each}" for each in upstreams)
    file.write_text(CONFIGURATION.format(port=port, log=folder / "access.log", upstreams=addresses))
    home = ["env", f"HOME={folder}", f"XDG_DATA_HOME={folder}", f"XDG_CONFIG_HOME={folder}"]
    return [*home, str(CADDY), "run", "--config", str(file), "--adapter", "caddyfile"]


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
