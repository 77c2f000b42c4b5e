"""A container of Linux' own namespaces, as compose.yaml wants it: see the package."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.image_check.builder import Image
from tools.image_check.contents import USER
from tools.servers.process_tree import children

# The shell is process 1 until it becomes the container's; PATH and the like come from the image.
START = """\
hostname {name}
mount --make-rprivate /
mount --bind {root} {root}
mount --rbind /dev {root}/dev
{binds}
mount -t tmpfs -o size=128m,mode=1777 tmpfs {root}/tmp
mount -o remount,bind,ro {root}
mount -t proc proc {root}/proc
exec chroot {root} {drop} {command}
"""
DROP = (
    *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
    *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
)


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine in the container."""

    source: Path
    target: str
    read_only: bool


class Container:
    """A started container; its output goes to `log`."""

    def __init__(
        self,
        image: Image,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        mounts: Sequence[Mount],
        log: Path,
    ) -> None:
        self.name, self.log = name, log
        own = dict(entry.split("=", 1) for entry in image.configuration["Env"])
        self._environ = {**own, **environ}
        whole = [*image.configuration["Entrypoint"], *command]
        script = START.format(
            name=shlex.quote(name),
            root=shlex.quote(str(image.root)),
            binds="\n".join(line for mount in mounts for line in _bind(image.root, mount)),
            drop=shlex.join(DROP),
            command=shlex.join(self._in_app(whole)),
        )
        namespaces = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*namespaces, "sh", "-ec", script], stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )

    @property
    def pid(self) -> int:
        """Of the container's first process, as this machine numbers it."""
        deadline = time.monotonic() + 5
        while not (numbers := children(self._process.pid)):
            if time.monotonic() > deadline:
                raise ChildProcessError(f"{self.name} did not start: {self.output()}")
            time.sleep(0.02)
        return numbers[0]

    def run(self, command: Sequence[str], seconds: float = 20) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as `docker exec` does."""
        enter = ["nsenter", "--target", str(self.pid), "--mount", "--pid", "--uts", "--ipc", "--root"]
        whole = [*enter, *DROP, *self._in_app(command)]
        return subprocess.run(whole, check=False, capture_output=True, text=True, timeout=seconds)

    def wait(self, seconds: float) -> int:
        """Its exit code once it ended. Raises TimeoutExpired."""
        return self._process.wait(seconds)

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def stop(self, seconds: float) -> float:
        """SIGTERM, as `docker stop`; gives the seconds that it took to end. Raises TimeoutExpired."""
        begin = time.monotonic()
        if self.is_running():
            os.kill(self.pid, signal.SIGTERM)
        self.wait(seconds)
        return time.monotonic() - begin

    def kill(self) -> None:
        """End it at once, whatever it does: what changed its user no longer ends with its parent."""
        if self.is_running():
            os.kill(self.pid, signal.SIGKILL)
        self._process.wait()

    def rights(self) -> dict[str, str]:
        """What the kernel says of the first process: Uid, CapEff, CapBnd, NoNewPrivs …"""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def output(self) -> str:
        """What it has printed."""
        return self.log.read_text(errors="replace")

    def _in_app(self, command: Sequence[str]) -> list[str]:
        variables = [f"{name}={value}" for name, value in self._environ.items()]
        return ["env", "-i", "--chdir=/app", *variables, *command]


def _bind(root: Path, mount: Mount) -> list[str]:
    target = shlex.quote(f"{root}{mount.target}")
    lines = [f"mount --bind {shlex.quote(str(mount.source))} {target}"]
    return [*lines, f"mount -o remount,bind,ro {target}"] if mount.read_only else lines
