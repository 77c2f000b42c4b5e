"""Stands beside a bot's program: takes its updates, posts each to it on this machine, sends what it answers, counts and drains.

    python3 worker_sidecar.py --forward-to http://127.0.0.1:3000/ --metrics-port 9090 -- node bot.js

One file that needs Python 3.9 and nothing else: copy it beside the program. API_URL and WORKER_TOKEN come from the environment.
The program answers a POST with nothing, with {"calls": [{"method", "params"}]}, or as it would answer Telegram's webhook; any
other status than 2xx, and no answer, is a failure: the update comes again. A command after `--` is started, and ended last.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from bisect import bisect_left
from collections import Counter
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

POLL_SECONDS = 5  # how long one question waits for updates: as long as an idle sidecar takes to stop
BACKOFF_SECONDS = 1.0
GRACE_SECONDS = (
    5.0  # between the signal that is passed on and the kill, and for telling what was not answered
)
LARGEST_ANSWER = 10 * 1024 * 1024  # bytes
BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0)  # seconds
PARENT_DEATH = 1  # PR_SET_PDEATHSIG of Linux
GONE: dict[str, Any] = {"gone": True}
# Neither the installation nor the program is reached by a proxy for the world.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """The installation does not take a request, however often it is repeated."""


class Metrics:
    """What is under way, and what became of the rest, as Prometheus reads it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes = Counter({"answered": 0, "failed": 0, "gone": 0})
        self._took = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self.active: dict[str, float] = {}  # lease -> when it last began anew
        self.is_draining = False

    def begin(self, lease: str) -> None:
        """Count an update as under way."""
        with self._lock:
            self.active[lease] = time.monotonic()

    def end(self, lease: str, outcome: str, seconds: float) -> None:
        """Count what became of it."""
        with self._lock:
            del self.active[lease]
            self._outcomes[outcome] += 1
            self._took[bisect_left(BUCKETS, seconds)] += 1
            self._seconds += seconds

    def due(self, seconds: float) -> list[str]:
        """The leases that began so long ago, noted as beginning anew."""
        now = time.monotonic()
        with self._lock:
            found = [lease for lease, since in self.active.items() if now - since >= seconds]
            self.active.update(dict.fromkeys(found, now))
        return found

    def text(self) -> str:
        """In Prometheus' own form."""
        name = "worker_sidecar"
        with self._lock:
            lines = [f"# TYPE {name}_active_requests gauge", f"{name}_active_requests {len(self.active)}"]
            lines += [f"# TYPE {name}_draining gauge", f"{name}_draining {int(self.is_draining)}"]
            lines += [f"# TYPE {name}_updates_total counter", f"# TYPE {name}_handling_seconds histogram"]
            lines += [f'{name}_updates_total{{outcome="{o}"}} {n}' for o, n in self._outcomes.items()]
            for index, bound in enumerate([*map(str, BUCKETS), "+Inf"]):
                lines += [f'{name}_handling_seconds_bucket{{le="{bound}"}} {sum(self._took[: index + 1])}']
            lines += [f"{name}_handling_seconds_sum {self._seconds}"]
            lines += [f"{name}_handling_seconds_count {sum(self._took)}"]
        return "\n".join(lines) + "\n"


class Runtime:
    """The installation's Runtime API."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address.rstrip("/") + "/api/v1/runtime"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.lease_seconds = 60.0
        self.is_over = threading.Event()  # nothing is repeated any more

    def ask(self, path: str, body: object = None, until: threading.Event | None = None) -> dict[str, Any]:
        """What it answers, once it is there; GONE for a lease that is held no more, and when `until` is set. Raises Refused."""
        content = None if body is None else json.dumps(body).encode()
        while True:
            pause = BACKOFF_SECONDS
            try:
                request = urllib.request.Request(self._address + path, content, self._headers)
                with DIRECT.open(request, timeout=60) as said:
                    self.lease_seconds = float(said.headers.get("X-Deadline-Seconds", self.lease_seconds))
                    return dict(json.loads(said.read() or b"{}"))
            except urllib.error.HTTPError as error:
                if error.code == 409:
                    return GONE
                if error.code < 500 and error.code != 429:
                    raise Refused(f"{error.code}: {error.read(500).decode(errors='replace')}") from None
                pause = float(error.headers.get("Retry-After") or pause)
            except (OSError, HTTPException):
                pass  # it is away, and comes back
            if (until or self.is_over).wait(pause):
                return GONE


class Program:
    """The command that is run, if there is one; None stands for a program that somebody else started."""

    def __init__(self, command: list[str]) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if (
            command
        ):  # in a session of its own: Ctrl-C is for the sidecar, which passes it on when its time has come
            self._process = subprocess.Popen(command, start_new_session=True, preexec_fn=_die_with_parent)

    def exit_code(self) -> int | None:
        """None while it runs, and of a program that is not ours."""
        return None if self._process is None else self._process.poll()

    def end(self) -> None:
        """Pass the signal on, and kill what ignores it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process is None or self._process.poll() is not None:
                return
            os.killpg(self._process.pid, number)
            try:
                self._process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                _say("the program does not end")


class Sidecar:
    """One program's updates, from the Runtime API to the program and back."""

    def __init__(self, options: argparse.Namespace, runtime: Runtime) -> None:
        self._options, self._runtime = options, runtime
        self.metrics, self.stopping = Metrics(), threading.Event()

    def run(self) -> int:
        """Work until a signal or the program's own end; the exit code."""
        program = Program(self._options.command)
        threading.Thread(target=self._keep_leases, daemon=True).start()
        while not self.stopping.is_set() and program.exit_code() is None:
            room = self._options.at_once - len(self.metrics.active)
            if room > 0 and is_listening(self._options.forward_to):
                self._take(room)
            else:
                time.sleep(0.02)
        ended = program.exit_code()
        self._drain(program)
        program.end()  # what is under way still fails with it, is told, and comes again
        self._give_back()
        if ended is not None:
            _say(f"the program ended by itself, with {ended}")
        return ended or (0 if self.stopping.is_set() else 1)

    def stop(self, *_: object) -> None:
        """Take nothing more."""
        self.stopping.set()

    def _take(self, most: int) -> None:
        path = f"/next?wait={POLL_SECONDS}&limit={min(most, 100)}"
        for item in self._runtime.ask(path, until=self.stopping).get("items", ()):
            self.metrics.begin(item["lease"])
            threading.Thread(target=self._work_on, args=(item,), daemon=True).start()

    def _work_on(self, item: dict[str, Any]) -> None:
        """Post an update, and settle it by what the program says."""
        began, lease, outcome = time.monotonic(), item["lease"], "gone"
        try:
            try:
                outcome = self._settle(lease, calls=self._forward(item))
            except (OSError, ValueError, HTTPException, Refused) as error:  # refused: no call for a worker
                _say(f"an update failed: {type(error).__name__}: {error}")
                outcome = self._settle(lease, error=f"{type(error).__name__}: {error}"[:2000])
        except Refused as error:
            _say(f"an update cannot be settled: {error}")
        finally:
            self.metrics.end(lease, outcome, time.monotonic() - began)

    def _settle(self, lease: str, **answer: object) -> str:
        kind = "error" if "error" in answer else "response"
        if self._runtime.ask(f"/leases/{lease}/{kind}", answer) is GONE:
            return "gone"
        return "failed" if kind == "error" else "answered"

    def _forward(self, item: dict[str, Any]) -> list[Any]:
        """The calls that the program wants for an update. Raises OSError, HTTPException, ValueError."""
        content = json.dumps(item["update"]).encode()
        told = {"X-Worker-Start": item["start"], "X-Worker-Attempt": str(item["attempt"])}
        headers = {"Content-Type": "application/json", **told}
        request = urllib.request.Request(self._options.forward_to, content, headers)
        with DIRECT.open(request, timeout=self._options.answer_seconds) as answer:
            return calls_in(answer.read(LARGEST_ANSWER))

    def _keep_leases(self) -> None:
        """Let the leases of what takes long begin anew, at half their time."""
        while not self._runtime.is_over.wait(0.2):
            for lease in self.metrics.due(self._runtime.lease_seconds / 2):
                try:
                    self._runtime.ask(f"/leases/{lease}/extend", {})
                except Refused as error:
                    _say(f"a lease cannot be kept: {error}")

    def _drain(self, program: Program) -> None:
        """Wait for what is under way, up to the deadline."""
        self.metrics.is_draining = True
        deadline = time.monotonic() + self._options.drain_seconds
        while self.metrics.active and time.monotonic() < deadline and program.exit_code() is None:
            time.sleep(0.02)

    def _give_back(self) -> None:
        """Have what was not answered offered again at once, not when its lease has run out."""
        deadline = time.monotonic() + GRACE_SECONDS
        while self.metrics.active and time.monotonic() < deadline and self._options.command:
            time.sleep(0.02)  # those who wait for the program's answer learn that it is gone, and tell
        self._runtime.is_over.set()
        for lease in list(self.metrics.active):
            _say("an update was not answered in time; it comes again")
            self._settle(lease, error="the sidecar was stopped before the program answered")


def calls_in(body: bytes) -> list[Any]:
    """The calls in a program's answer; a text that is no JSON object, such as "OK", wants none. Raises ValueError."""
    try:
        answer = json.loads(body or b"null")
    except ValueError:
        return []
    if not isinstance(answer, dict) or not answer:
        return []
    if isinstance(answer.get("calls"), list):
        return list(answer["calls"])
    if not isinstance(method := answer.pop("method", None), str):
        raise ValueError('the answer has neither a list "calls" nor a text "method"')
    return [{"method": method, "params": answer.get("params", answer)}]


def is_listening(url: str) -> bool:
    """Whether the program is there: what it could not get would count as failed."""
    address = urlsplit(url)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def serve_metrics(sidecar: Sidecar, host: str, port: int) -> None:
    """Answer /metrics, and any other path with 200, or 503 from the moment at which nothing more is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_well = self.path == "/metrics" or not sidecar.stopping.is_set()
            self.send_response(200 if is_well else 503)
            self.end_headers()
            self.wfile.write(sidecar.metrics.text().encode() if self.path == "/metrics" else b"")

        def log_message(self, *_: object) -> None:
            """Say nothing: it is asked every few seconds."""

    threading.Thread(target=ThreadingHTTPServer((host, port), Handler).serve_forever, daemon=True).start()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Read the options and work until the end."""
    parser = argparse.ArgumentParser("worker_sidecar.py")
    parser.add_argument("--forward-to", required=True, metavar="URL", help="where the program listens")
    parser.add_argument("--at-once", type=int, default=10, help="updates at the program at a time")
    parser.add_argument("--answer-seconds", type=float, default=300, help="how long it may take for one")
    parser.add_argument("--drain-seconds", type=float, default=15, help="how long a stop waits for answers")
    parser.add_argument("--metrics-port", type=int, default=0, help="of /metrics and /healthz; 0 is none")
    parser.add_argument("--metrics-host", default="127.0.0.1")
    parser.add_argument("command", nargs="*", help="the program, if the sidecar is to start it")
    options = parser.parse_args()
    if missing := {"API_URL", "WORKER_TOKEN"} - os.environ.keys():
        parser.error(f"{' and '.join(sorted(missing))} must be in the environment")
    sidecar = Sidecar(options, Runtime(os.environ["API_URL"], os.environ["WORKER_TOKEN"]))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, sidecar.stop)
    try:
        if options.metrics_port:
            serve_metrics(sidecar, options.metrics_host, options.metrics_port)
        return sidecar.run()
    except (Refused, OSError) as error:
        _say(f"{type(error).__name__}: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
