"""Having the load driver run in another process, in the foreground or beside what we do meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from services.core.child_processes import tied_to_parent
from tools.benchmarks.load import Load, Order
from tools.benchmarks.servers import ROOT, bare_environment


def measure(order: Order) -> Load:
    """Run the driver to its end."""
    with driving(order) as driver:
        return driver.result()


class Driving:
    """A driver at work."""

    def __init__(self, order: Order) -> None:
        self._process = subprocess.Popen(
            tied_to_parent([sys.executable, "-m", "tools.benchmarks.load", json.dumps(asdict(order))]),
            cwd=ROOT,
            env=bare_environment(),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def result(self) -> Load:
        """Wait for its end; what it saw. Raises RuntimeError when it failed."""
        output, _ = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError("the load driver failed; see above")
        return Load(**json.loads(output))

    def finish(self) -> Load:
        """Have it stop asking; what it saw."""
        self._process.terminate()
        return self.result()

    def kill(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def driving(order: Order) -> Iterator[Driving]:
    """A driver that is at work during the block and at the latest ends with it."""
    driver = Driving(order)
    try:
        yield driver
    finally:
        driver.kill()
