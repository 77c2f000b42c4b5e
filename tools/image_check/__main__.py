"""`python -m tools.image_check [--base IMAGE] [--no-build] [--mount HOST:CONTAINER:ro …]`; exit code 0 when all held."""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.image_check.builder import BASE_IMAGE, Builder, Image, obstacle
from tools.image_check.contents import USER, faults
from tools.image_check.installation import PROCESSES, Installation, NotReady, installed

FOLDER = Path("build/image-check").resolve()
PANEL_SECONDS = 60.0
HEALTHY_SECONDS = 30.0
STOP_SECONDS = 10.0
NEW_NETWORK = 0x40000000  # CLONE_NEWNET of sched.h
SKIPPED = 77  # as test runners say it
WRITES = ("/app/x", "/etc/x", "/usr/bin/x", "/app/services/x.py", "/keys/x")


def main(arguments: list[str]) -> int:
    """0 when everything held, 1 when not, 77 when nothing could be built here."""
    parser = argparse.ArgumentParser(prog="python -m tools.image_check", description=__doc__)
    parser.add_argument(
        "--base", help="image in the store to build on; else one of Debian's packages is made"
    )
    parser.add_argument("--no-build", action="store_true", help="the image that was built before")
    parser.add_argument("--mount", action="append", default=[], help="HOST:CONTAINER:ro, while it is built")
    options = parser.parse_args(arguments)
    if reason := obstacle():
        print(f"Not checked: {reason}", file=sys.stderr)
        return SKIPPED
    FOLDER.mkdir(parents=True, exist_ok=True)
    builder = Builder(FOLDER)
    begin = time.monotonic()
    if not options.no_build:
        base = options.base or BASE_IMAGE
        if base == BASE_IMAGE and not builder.has(BASE_IMAGE):
            builder.make_base()
        builder.build(base, options.mount)
    built = time.monotonic() - begin
    image = builder.image()
    found = [*faults(image)]
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        _own_network()
        try:
            found += _played(image, Path(folder))
        except (NotReady, subprocess.TimeoutExpired) as error:
            found.append(str(error))
    print(f"built in {built:.0f} s, {image.size / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}")
    print("\n".join(found) or "everything held")
    return 1 if found else 0


def _own_network() -> None:
    """From here on a network of our own with nothing but loopback: the ports of compose.yaml are free there."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "no network namespace")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def _played(image: Image, folder: Path) -> Iterator[str]:
    with installed(image, folder) as installation:
        seconds = installation.up()
        print(f"from empty volumes to the panel: {seconds:.1f} s (must be below {PANEL_SECONDS:.0f})")
        if seconds > PANEL_SECONDS:
            yield "the panel took too long"
        if not re.search(r"one-time setup code: \S", (folder / "welcome.log").read_text()):
            yield "no setup code is shown"
        for name in PROCESSES:
            yield from _guarded(installation, name)
            yield from _healthy(installation, name)
        for name, taken in installation.down().items():
            if taken > STOP_SECONDS:
                yield f"{name} took {taken:.1f} s to stop"
        again = installation.up()
        print(f"started again: {again:.1f} s")
        if "All secrets are there." not in (folder / "keys.log").read_text():
            yield "a second start made secrets anew"
        installation.down()


def _guarded(installation: Installation, name: str) -> Iterator[str]:
    container = installation.containers[name]
    rights = container.rights()
    if set(rights["Uid"].split()) != {str(USER)}:
        yield f"{name} runs as {rights['Uid']}"
    if int(rights["CapEff"], 16) or int(rights["CapBnd"], 16) or rights["NoNewPrivs"] != "1":
        yield f"{name} has rights: {rights['CapEff']} {rights['CapBnd']} {rights['NoNewPrivs']}"
    tries = "; ".join(f"(echo x > {path}) 2>/dev/null && echo {path}" for path in WRITES)
    written = container.run(["sh", "-c", f"{tries}; true"]).stdout.split()
    yield from (f"{name} could write {path}" for path in written)


def _healthy(installation: Installation, name: str) -> Iterator[str]:
    deadline = time.monotonic() + HEALTHY_SECONDS
    for command in (installation.health_command(name), ["python", "-m", "launch.healthcheck"]):
        while (done := installation.containers[name].run(command)).returncode:
            if time.monotonic() > deadline:
                yield f"{name} is not healthy by {' '.join(command)}: {done.stdout}{done.stderr}"
                break
            time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
