"""Writing plugins into a folder, and a process that takes them, turn by turn."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from services.fleet import plugin_catalogue
from services.fleet.plugin_loading.loading import Loader
from services.fleet.plugin_loading.reloader import Reloader
from services.fleet.plugin_loading.trial import Trial
from services.fleet.plugin_loading.versions import Catalogue, hash_of
from services.messaging.updates.update_consumers import UpdateConsumers
from services.platform.platform import Platform

DEADLINE_SECONDS = 60.0
PLUGIN = """
from plugins.base import BasePlugin, PluginConfig

VERSION = {version!r}
{before}

class Written(BasePlugin):
    name = {name!r}
    version = VERSION
    {inside}

    def setup_handlers(self, router):
        router.command("go")(self.go)
        {setup}

    def go(self, message, ctx):
        {body}

    def on_load(self):
        self.db.set("loaded " + VERSION, self.db.get("loaded " + VERSION, 0) + 1)
        {on_load}

    def on_unload(self):
        self.db.set("unloaded " + VERSION, self.db.get("unloaded " + VERSION, 0) + 1)

    def on_bot_start(self):
        self.db.set("started " + VERSION, self.db.get("started " + VERSION, 0) + 1)

    def on_bot_stop(self):
        self.db.set("stopped " + VERSION, self.db.get("stopped " + VERSION, 0) + 1)


plugin = Written
"""


class Authors:
    """Whoever writes into PLUGINS_DIR."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, version: str = "1", **parts: str) -> str:
        """A plugin `name` in `name`.py whose /go answers its version; `parts` replace others. The version's hash."""
        given = {
            "before": "",
            "inside": "",
            "setup": "pass",
            "on_load": "pass",
            "body": "ctx.send(VERSION)",
            **parts,
        }
        return self.save(f"{name}.py", PLUGIN.format(name=name, version=version, **given))

    def save(self, file: str, text: str) -> str:
        """Any text, as an editor saves it; its hash."""
        fresh = self.folder / f".{file}.new"
        fresh.write_text(text)
        fresh.replace(self.folder / file)
        return hash_of(text.encode())

    def delete(self, file: str) -> None:
        """Take a file away."""
        (self.folder / file).unlink()


class ThisProcess:
    """This process as a worker: its reloader, and the update side that it prepares."""

    def __init__(self, platform: Platform, trial: Trial) -> None:
        self.platform = platform
        self.trial = trial
        self.consumers = UpdateConsumers(platform, threading.Event())
        self.plugins = self.consumers.plugins
        self.swaps = 0
        self.begin()

    def begin(self) -> None:
        """As when a process starts."""
        self.loader = Loader(self.platform.settings, self.trial, absent_seconds=0.0)
        self.reloader = Reloader(
            self.platform,
            prepare=self.plugins.prepare,
            outcomes=self.plugins.outcomes,
            on_swap=self._swapped,
            loader=self.loader,
        )
        self.reloader.begin()

    def _swapped(self) -> None:
        self.swaps += 1

    @property
    def catalogue(self) -> Catalogue:
        """What it serves."""
        return plugin_catalogue.catalogue()

    def look(self) -> Catalogue:
        """Two looks at the folder: the first sees what changed, the second that it is written."""
        self.reloader.turn()
        self.reloader.turn()
        return self.catalogue

    def until(self, what: Any) -> None:
        """Turn until `what()` holds."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not what():
            assert time.monotonic() < deadline, "it did not come to pass"
            self.reloader.turn()
            time.sleep(0.02)
