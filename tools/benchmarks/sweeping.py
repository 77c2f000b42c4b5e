"""A hundred members checked, every fifth bot never answering: seconds of the sweep in a process patched as a worker is.

`python -m tools.benchmarks.sweeping` (with the environment of an installation) makes one sweep and prints its report.
"""

from __future__ import annotations

if __name__ == "__main__":  # the patch comes before every other import
    from gevent import monkey

    monkey.patch_all()

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.core.child_processes import tied_to_parent
from services.core.environment import load_settings
from services.fleet.health import sweep
from services.platform import schema
from services.platform.platform import Platform
from tools.benchmarks.figures import Figure
from tools.benchmarks.fleet import make_fleet
from tools.benchmarks.servers import ROOT, bare_environment, sandbox, valkey

SILENT_SHARE = 5  # every fifth
SILENT_SECONDS = 30.0


@dataclass(frozen=True)
class Sweep:
    """The sweep's own report: bots asked, verdicts, seconds from its begin to the published snapshot."""

    report: dict[str, Any]

    def figures(self) -> list[Figure]:
        """The row of the table."""
        shown = ", ".join(f"{name} {self.report[name]}" for name in ("bots", "good", "transient", "dead"))
        seconds = float(self.report["seconds"])
        return [Figure("100 members checked, 20 % timing out", seconds, "s", 3, 2.6, detail=shown)]


def run(folder: Path, bots: int = 100) -> Sweep:
    """One sweep over so many bots."""
    with valkey(folder) as redis_url, sandbox() as telegram:
        environ = {
            "DATA_DIR": str(folder),
            "REDIS_URL": redis_url,
            "TELEGRAM_API_URL": telegram.url,
            "APP_ENV": "dev",
        }
        platform = Platform(load_settings(environ))
        schema.upgrade(platform)
        identities = telegram.post("/bots", count=bots)["bots"]
        make_fleet(platform, bots=bots, identities=identities)
        for identity in identities[::SILENT_SHARE]:
            telegram.post("/faults", kind="timeout", bot=str(identity["id"]), seconds=SILENT_SECONDS)
        command = tied_to_parent([sys.executable, "-m", "tools.benchmarks.sweeping"])
        answer = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, cwd=ROOT, env={**bare_environment(), **environ}
        )
        return Sweep(json.loads(answer.stdout))


def main() -> None:
    """One sweep, without the waiting re-checks after it; print its report."""
    platform = Platform(load_settings())
    with suppress(_Done):
        sweep.sweep(platform, pause=_leave)
    sys.stdout.write(json.dumps(sweep.last_report(platform)))


class _Done(Exception):
    """The sweep is over and would wait for its re-checks."""


def _leave(seconds: float) -> None:
    raise _Done


if __name__ == "__main__":
    main()
