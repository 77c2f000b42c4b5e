"""What a call of the Bot API costs by HTTP client: `make bench-send`, or `python -m tools.benchmarks.http_clients`.

All do the same in one process that is patched as a worker is: a call's parameters to JSON, a POST on a kept connection, its
answer from JSON. They are asked by turns, over TCP and over TLS; the server is a process of its own. Clients that the product
does not have are found in PACKAGES, where the make target puts them, and named where they are not.
"""
# ruff: noqa: E402  # the patch comes before every other import

from services.core.greenlets import patch

patch()

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gevent

from services.core.child_processes import tied_to_parent
from tools.benchmarks.figures import machine_load
from tools.benchmarks.http_candidates import CANDIDATES, OURS, Call
from tools.benchmarks.servers import ROOT
from tools.servers.broken import self_signed

PACKAGES = "build/http-clients/lib/python*/site-packages"
KINDS = ("plain", "TLS")
WARM_UP = 200


@dataclass(frozen=True)
class Run:
    """µs of this process's CPU for a call, and calls a second."""

    cpu_us: float
    rate: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=2000, help="of each client in a round")
    parser.add_argument("--at-once", type=int, default=16, help="greenlets that call")
    options = parser.parse_args()
    sys.path += map(str, ROOT.glob(PACKAGES))
    load = machine_load()
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as name:
        certificate = self_signed(Path(name))
        os.environ["SSL_CERT_FILE"] = str(certificate)
        for kind in KINDS:
            with answering(kind, certificate) as url:
                calls = dict(_ready(url, certificate, options.at_once))
                _print(kind, by_turns(calls, options.rounds, options.calls, options.at_once))
    print(f"load average {load} before")


def _ready(url: str, certificate: Path, at_once: int) -> Iterator[tuple[str, Call]]:
    for name, made in CANDIDATES.items():
        try:
            call = made(url, certificate)
        except ModuleNotFoundError as error:
            print(f"{name}: {error}")
            continue
        measure(call, WARM_UP, at_once)
        yield name, call


def by_turns(calls: dict[str, Call], rounds: int, number: int, at_once: int) -> dict[str, list[Run]]:
    """The runs of each client."""
    found: dict[str, list[Run]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(measure(call, number, at_once))
    return found


def measure(call: Call, number: int, at_once: int) -> Run:
    """So many calls by so many greenlets."""
    left = iter(range(number))

    def work() -> None:
        for _ in left:
            call()

    cpu, began = time.process_time(), time.perf_counter()
    gevent.joinall([gevent.spawn(work) for _ in range(at_once)], raise_error=True)
    return Run((time.process_time() - cpu) / number * 1e6, number / (time.perf_counter() - began))


def _print(kind: str, found: dict[str, list[Run]]) -> None:
    for name, runs in found.items():
        pairs = list(zip(runs, found[OURS], strict=True))
        cpu, rate = (
            statistics.median(values) for values in zip(*((r.cpu_us, r.rate) for r in runs), strict=True)
        )
        print(
            f"{kind:6} {name:34} {cpu:>5.0f} µs CPU {rate:>7,.0f}/s   over ours: "
            f"CPU {statistics.median(r.cpu_us / ours.cpu_us for r, ours in pairs):.2f}, "
            f"rate {statistics.median(r.rate / ours.rate for r, ours in pairs):.2f}"
        )


@contextmanager
def answering(kind: str, certificate: Path) -> Iterator[str]:
    """The address of a server that answers every call at once, as Telegram's does."""
    secure = kind == "TLS"
    command = [sys.executable, "-m", "tools.benchmarks.http_answers", *([str(certificate)] if secure else [])]
    with subprocess.Popen(tied_to_parent(command), cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        yield f"{'https' if secure else 'http'}://127.0.0.1:{port}"
        server.kill()


if __name__ == "__main__":
    main()
