"""Keeps the plugins of one process as PLUGINS_DIR has them, while it serves (ADR 26).

One thread (a greenlet in our processes) looks at the folder, has changed versions loaded and swapped in, adds up how their
handlers fare, and goes back to a former version as soon as it is decided, by whichever process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from redis import RedisError

from services.core.errors import Unavailable
from services.core.metrics import PLUGIN_RELOADS
from services.fleet import plugin_catalogue
from services.fleet.plugin_loading.folder import INTERVAL_SECONDS
from services.fleet.plugin_loading.loading import Loader
from services.fleet.plugin_loading.outcomes import Outcomes
from services.fleet.plugin_loading.probation import Probation
from services.fleet.plugin_loading.refusals import RELOAD
from services.fleet.plugin_loading.selecting import UNREADABLE, Selection
from services.fleet.plugin_loading.swapping import Prepare, prepare_nothing, serve
from services.platform.platform import Platform
from services.platform.redis.changes import Topic

logger = logging.getLogger(__name__)
RETRY_SECONDS = 1.0  # after the database, Redis or the folder was away


class Reloader:
    """The watch of one process. `prepare` builds what the process runs; `on_swap` hears of every change."""

    def __init__(
        self,
        platform: Platform,
        *,
        prepare: Prepare = prepare_nothing,
        outcomes: Outcomes | None = None,
        on_swap: Callable[[], None] = lambda: None,
        loader: Loader | None = None,
    ) -> None:
        self._platform = platform
        self._prepare = prepare
        self._on_swap = on_swap
        self._loader = loader or Loader(platform.settings)
        self._folder = self._loader.folder
        self._selection = Selection(self._loader)
        self._probation = Probation(platform, outcomes or Outcomes(), self._selection)
        self._changed = threading.Event()
        self._is_asked = False
        self._has_begun = False
        self._stopped = threading.Event()

    def start(self) -> None:
        """Keep to the folder in a thread of its own; returns at once. Who must not serve without plugins calls `begin` before."""
        self._platform.changes.subscribe(self.on_change)
        threading.Thread(target=self._run_for_ever, daemon=True, name="plugins").start()

    def stop(self) -> None:
        """End the watch."""
        self._stopped.set()
        self._changed.set()
        self._platform.changes.unsubscribe(self.on_change)
        self._loader.trial.close()

    def begin(self) -> None:
        """Serve what served last, then what is in the folder, as far as it can be served."""
        self._has_begun = True
        try:
            self._probation.learn()
        except RedisError:
            logger.warning("whether versions of plugins were refused is not known yet: Redis is away")
        plugin_catalogue.begin(self._loader, self._selection.refused)
        try:
            self._take(self._folder.names(), is_start=True)
        except (Unavailable, OSError) as error:
            logger.warning("plugins stay as they were when this process last ran: %s", error)
        for version in plugin_catalogue.catalogue().custom.values():
            self._selection.served(None, version)
        try:
            if self._probation.judge_all():
                self._heed()
        except (Unavailable, RedisError, OSError) as error:
            logger.warning("whether a version ended this process before is asked later: %s", error)

    def on_change(self, topic: Topic, identity: int) -> None:
        """Take note of what was announced."""
        if topic in (Topic.PLUGINS, Topic.ANY):
            self._is_asked |= topic is Topic.PLUGINS and identity == RELOAD
            self._changed.set()

    def turn(self) -> None:
        """Look at everything once. Raises Unavailable, RedisError or OSError for what is away."""
        if not self._has_begun:
            self.begin()
        now = time.monotonic()
        if self._changed.is_set():
            self._heed()
        if self._platform.settings.enable_hot_reload:
            names = self._folder.look(now)
            if names:
                self._take(names)
                self._folder.take(names - self._unreadable())
        if self._probation.judge(now):
            self._changed.set()
        self._probation.tell()

    def report(self) -> dict[str, Any]:
        """By file what this process serves, and what it does not and why; for its signs of life."""
        if not self._has_begun:
            return {}
        present = plugin_catalogue.catalogue()
        return {
            file: self._selection.report(file, present)
            for file in sorted({*present.custom, *present.problems, *self._selection.waiting})
        }

    def _run_for_ever(self) -> None:
        while not self._stopped.is_set():
            try:
                self.turn()
            except (Unavailable, RedisError, OSError) as error:
                logger.warning("plugins are looked at again: %s", error)
                self._stopped.wait(RETRY_SECONDS)
            except Exception:
                logger.exception("plugins are looked at again")
                self._stopped.wait(RETRY_SECONDS)
            self._changed.wait(INTERVAL_SECONDS)

    def _heed(self) -> None:
        """Learn what was decided, and act on it."""
        self._changed.clear()
        try:
            self._probation.learn()
            present = plugin_catalogue.catalogue()
            if self._is_asked:
                self._take({*self._folder.names(), *present.custom})
            else:
                hot = self._platform.settings.enable_hot_reload
                self._take(self._selection.decided_on(present), from_folder=hot)
            self._is_asked = False
        except BaseException:
            self._changed.set()
            raise

    def _take(self, files: Iterable[str], *, is_start: bool = False, from_folder: bool = True) -> None:
        """Have these files serve as they are now, or else as they serve, as far as they can."""
        before = plugin_catalogue.catalogue()
        wanted, problems = self._selection.select(before, files, is_start=is_start, from_folder=from_folder)
        if wanted == before.custom and problems == before.problems:
            return
        after = serve(self._platform, wanted, problems, self._prepare)
        for file in before.custom.keys() | after.custom.keys():
            if before.custom.get(file) is not after.custom.get(file):
                self._selection.served(before.custom.get(file), after.custom.get(file))
        for file, problem in after.problems.items():
            if before.problems.get(file) != problem:
                PLUGIN_RELOADS.labels("failed").inc()
                logger.error("plugin not taken: %s", problem)
        self._on_swap()

    def _unreadable(self) -> set[str]:
        """Files that are tried again at the next look."""
        problems = plugin_catalogue.catalogue().problems
        return {file for file, problem in problems.items() if problem.code == UNREADABLE}
