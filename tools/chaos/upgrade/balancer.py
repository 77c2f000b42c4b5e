"""Caddy in front of two web processes, as the reverse proxy of a deployment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CADDY = Path(sys.executable).parent / "caddy"
# A process that is not there refuses at once; the other one is asked next. Nothing was sent by then, so a POST is too.
CONFIGURATION = """{{
    admin 127.0.0.1:{admin}
    persist_config off
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


@dataclass(frozen=True)
class Balancer:
    """One in `folder`, at `port`, ordered about at `admin`."""

    folder: Path
    port: int
    admin: int

    def command(self, upstreams: list[int]) -> list[str]:
        """The command line that starts it before web processes at these ports."""
        self.folder.mkdir(parents=True)
        return [*self._at_home, "run", *self._configured(upstreams)]

    def lead_to(self, upstreams: list[int]) -> None:
        """From now on to these alone; requests under way end where they are."""
        subprocess.run(
            [*self._at_home, "reload", *self._configured(upstreams), "--address", f"127.0.0.1:{self.admin}"],
            check=True,
            capture_output=True,
        )

    @property
    def _at_home(self) -> list[str]:
        homes = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
        return ["env", *(f"{name}={self.folder}" for name in homes), str(CADDY)]

    def _configured(self, upstreams: list[int]) -> list[str]:
        file = self.folder / "Caddyfile"
        addresses = " ".join(f"127.0.0.1:{each}" for each in upstreams)
        file.write_text(
            CONFIGURATION.format(
                port=self.port, admin=self.admin, log=self.folder / "access.log", upstreams=addresses
            )
        )
        return ["--config", str(file), "--adapter", "caddyfile"]


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
