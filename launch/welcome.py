"""`python -m launch.welcome [--wait WEB] [URL]`: say where the panel is and, while there is no account, the one-time setup code.

What `make run` says at its end, for installations whose processes are started by something else.
"""

from __future__ import annotations

import argparse
import sys

from launch.console import local_url, say
from launch.startup import framed, wait_for_web
from services.core.environment import settings_or_exit
from services.platform.accounts.setup_code import setup_code
from services.platform.platform import Platform


def main(arguments: list[str]) -> int:
    """Exit code 0 once it is said, 1 when the web process that it was to wait for does not answer."""
    parser = argparse.ArgumentParser(prog="python -m launch.welcome")
    parser.add_argument(
        "--wait", metavar="WEB", help="address of the web process to wait for, a minute at most"
    )
    parser.add_argument(
        "url", nargs="?", help="where people reach the panel (default: PUBLIC_URL, else here)"
    )
    options = parser.parse_args(arguments)
    settings = settings_or_exit()
    if options.wait and not wait_for_web(options.wait, lambda: True):
        print("The web process does not answer; its own log says why.", file=sys.stderr)
        return 1
    platform = Platform(settings)
    try:
        url = (options.url or settings.public_url or local_url(settings)).rstrip("/")
        say("\n".join(_lines(url, setup_code(platform))))
    finally:
        platform.database.dispose()
    return 0


def _lines(url: str, code: str | None) -> list[str]:
    lines = ["", "Flotilla is running.", f"  Panel        {url}/panel", ""]
    if code is None:
        return lines
    return [
        *lines,
        *framed("First start: make your account", f"{url}/setup", f"one-time setup code: {code}"),
        "",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
