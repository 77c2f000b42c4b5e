"""Images made by Debian's buildah, in a store of their own: `chroot` isolation and plain copies work in most sandboxes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.image_check.compose import ROOT

BASE_IMAGE = "localhost/flotilla-check-base:latest"
IMAGE = "localhost/flotilla-check:latest"
# What the base stands in for: python:3.11-slim-bookworm, as far as the Dockerfile needs it.
BASE_PACKAGES = "python3,python3-venv,ca-certificates"
PIP_CONFIGURATION = Path("/etc/pip.conf")
CERTIFICATES = Path("/etc/ssl/certs")


@dataclass(frozen=True)
class Image:
    """A built image, its files mounted at `root`."""

    root: Path
    size: int  # bytes, of all layers
    configuration: dict[str, Any]  # as Docker has it: Env, User, Entrypoint, Healthcheck …


def obstacle() -> str:
    """Why nothing can be built here; "" when it can."""
    if os.geteuid() != 0:
        return "only root may build and start containers here"
    if not shutil.which("buildah"):
        return "buildah is not installed (Debian: apt install buildah mmdebstrap)"
    return ""


class Builder:
    """buildah with all its files below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def buildah(self, *arguments: str | Path) -> str:
        """Run it and give what it printed; its progress goes to our stderr. Raises CalledProcessError."""
        places = [
            "--root",
            self._folder / "images",
            "--runroot",
            self._folder / "run",
            "--storage-driver",
            "vfs",
        ]
        command = [str(part) for part in ("buildah", *places, *arguments)]
        environ = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
        done = subprocess.run(command, cwd=ROOT, env=environ, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def has(self, image: str) -> bool:
        """Whether such an image was made before."""
        return image in self.buildah("images", "--format", "{{.Name}}:{{.Tag}}").split()

    def make_base(self) -> None:
        """The base image, of Debian's packages by its ordinary client."""
        archive = self._folder / "base.tar"
        command = [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={BASE_PACKAGES}",
            "bookworm",
            archive,
        ]
        subprocess.run([str(part) for part in command], check=True)
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, archive, "/")
        self.buildah("commit", "--quiet", "--rm", container, BASE_IMAGE)
        archive.unlink()

    def build(self, base: str, mounts: Sequence[str] = ()) -> None:
        """The Dockerfile over `base`; `mounts` (HOST:CONTAINER:ro) and this machine's pip settings are there while it builds."""
        own = [path for path in (PIP_CONFIGURATION, CERTIFICATES) if path.exists()]
        volumes = [*(f"{path}:{path}:ro" for path in own), *mounts]
        options = [part for volume in volumes for part in ("--volume", volume)]
        arguments = [
            "--build-arg",
            f"BASE_IMAGE={base}",
            "--format",
            "docker",
            "--pull-never",
            "--tag",
            IMAGE,
        ]
        self.buildah("build", "--layers=false", *options, *arguments, ".")

    def image(self) -> Image:
        """The built image, mounted; what an earlier check left is removed."""
        self.buildah("rm", "--all")
        container = self.buildah("from", "--pull-never", IMAGE)
        root = Path(self.buildah("mount", container))
        told = json.loads(self.buildah("inspect", "--type", "image", IMAGE))
        [size] = json.loads(self.buildah("images", "--json", IMAGE))[:1]
        return Image(root, _bytes(size["size"]), told["Docker"]["config"])


def _bytes(text: str) -> int:
    number, unit = text.split()
    return int(float(number) * {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}[unit.upper()])
