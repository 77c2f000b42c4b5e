"""Before a web process of a container is ended: `python -m launch.drain [--seconds 10]`, as Kubernetes' preStop hook.

The process goes on serving meanwhile, for the seconds that balancers need to hear that it leaves, and then for as long as clicks wait in its
spool for Redis: the folder goes with the container. It replays them by itself when Redis is back, so one only waits, up to the time that the
container is given.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from services.core.environment import settings_or_exit
from services.traffic.clicks.spool import Spool

LOOK_SECONDS = 0.5


def drain(data_dir: Path, seconds: float) -> None:
    """Wait so long, and until no click is in the spool of this folder."""
    time.sleep(seconds)
    spool = Spool(data_dir / "spool")
    while spool.waiting_bytes():
        time.sleep(LOOK_SECONDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Wait; 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args(arguments)
    drain(settings_or_exit().data_dir, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
