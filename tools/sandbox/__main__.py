# mypy: disable-error-code="import-untyped"
# ruff: noqa: E402
"""``python -m tools.sandbox``: start the Bot API sandbox."""

from __future__ import annotations

from tools.sandbox.greenlets import patch

patch()

import argparse
import signal
import sys
from pathlib import Path

import gevent
from gevent.event import Event

from tools.sandbox.posting import READ_TIMEOUT
from tools.sandbox.server import SandboxServer
from tools.sandbox.world import Settings


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.sandbox", description="A Bot API server to play with."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free one")
    parser.add_argument("--bots", type=int, default=6, help="bots made at the start")
    parser.add_argument("--seed", type=int, help="same names, ids and tokens on every start")
    parser.add_argument("--public-url", default="http://127.0.0.1:8000", help="the running Flotilla")
    parser.add_argument("--strict", action="store_true", help="enforce Telegram's sending limits")
    parser.add_argument("--ready-file", type=Path, help="write the URL here once listening")
    parser.add_argument("--retry-factor", type=float, default=1.0, help="scales webhook retry waits")
    parser.add_argument("--webhook-timeout", type=float, default=READ_TIMEOUT, help="seconds for a webhook")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to every Bot API answer")
    parser.add_argument("--allow-host", action="append", default=[], help="webhook host treated as loopback")
    parser.add_argument("--allow-remote", action="store_true", help="control API from other addresses")
    return parser.parse_args(arguments)


def settings_of(options: argparse.Namespace) -> Settings:
    """The command line as settings."""
    return Settings(
        seed=options.seed,
        bots=options.bots,
        strict=options.strict,
        public_url=options.public_url.rstrip("/"),
        retry_factor=options.retry_factor,
        latency=options.latency,
        allow_remote=options.allow_remote,
        allow_hosts=frozenset(host.lower() for host in options.allow_host),
    )


def announce(url: str, ready_file: Path | None) -> None:
    """Say where the page is; the ready file appears complete or not at all."""
    print(f"Sandbox: open {url}/ in a browser; Bot API and links are served there too.", flush=True)
    if ready_file is not None:
        partial = ready_file.with_name(ready_file.name + ".part")
        partial.write_text(url, encoding="ascii")
        partial.replace(ready_file)


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; exit code 0, or 1 when the port is taken."""
    options = parse(arguments)
    server = SandboxServer(options.host, options.port, settings_of(options), options.webhook_timeout)
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)
    try:
        server.start()
    except OSError as error:
        print(f"Sandbox: cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    announce(server.url, options.ready_file)
    ended.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
