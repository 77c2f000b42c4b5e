"""How the versions that serve in this process fare, and what all processes have decided about them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from services.core.metrics import PLUGIN_RELOADS
from services.fleet import plugin_catalogue
from services.fleet.plugin_loading.outcomes import Counts, Outcomes, is_far_worse
from services.fleet.plugin_loading.refusals import Refusal, notify_owners, refusals, refuse
from services.fleet.plugin_loading.selecting import Selection
from services.fleet.plugin_loading.versions import Version, hash_of
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
INTERVAL_SECONDS = 1.0  # between two looks
TELL_SECONDS = 3600.0  # a decision older than this has been told of


class Probation:
    """Adds up what the handlers of this process count, refuses versions that fail far more often, and tells the owners."""

    def __init__(self, platform: Platform, outcomes: Outcomes, selection: Selection) -> None:
        self._platform = platform
        self._outcomes = outcomes
        self._selection = selection
        self._untold: list[Refusal] = []
        self._looked = 0.0

    def learn(self) -> None:
        """Take note of what was decided. Raises RedisError."""
        decided = refusals(self._platform)
        new = [each for key, each in decided.items() if key not in self._selection.refused]
        failed = [each for each in new if not each.reason]  # of another the author reads beside the file
        self._untold += [each for each in failed if time.time() - each.at < TELL_SECONDS]
        self._selection.refused = decided

    def judge(self, now: float) -> bool:
        """Add up what was counted and refuse what fails, once a second; whether something was. Raises RedisError."""
        if now - self._looked < INTERVAL_SECONDS:
            return False
        self._looked = now
        serving, formers = self._on_probation()
        return self._decide(self._outcomes.flush(self._platform, formers), serving, formers)

    def judge_all(self) -> bool:
        """The same of everything that is to serve here, for a process that begins: it may have died of it. Raises RedisError."""
        serving, formers = self._on_probation()
        return self._decide(self._outcomes.sums(self._platform, formers, serving), serving, formers)

    def _on_probation(self) -> tuple[dict[str, Version], dict[str, str]]:
        """The versions that serve, and the former versions' hashes, both by hash."""
        serving = {version.hash: version for version in plugin_catalogue.catalogue().custom.values()}
        formers = {
            hash_: hash_of(self._selection.formers[version.file])
            for hash_, version in serving.items()
            if version.file in self._selection.formers
        }
        return serving, formers

    def _decide(
        self,
        sums: Mapping[str, tuple[Counts, Counts]],
        serving: Mapping[str, Version],
        formers: Mapping[str, str],
    ) -> bool:
        worse = {hash_: new for hash_, (new, former) in sums.items() if is_far_worse(new, former)}
        for hash_, counts in worse.items():
            self._refuse(serving.get(hash_), formers[hash_], counts)
        return bool(worse)

    def _refuse(self, version: Version | None, former: str, counts: Counts) -> None:
        """Decide, unless it was decided before or the version serves no more."""
        if version is None:
            return
        name = version.plugin.name
        numbers = (counts.failed, counts.handled)
        if refuse(
            self._platform, Refusal(version.file, version.hash, name, former, *numbers, at=time.time())
        ):
            PLUGIN_RELOADS.labels("reverted").inc()
            said = "plugin %s: %d of %d updates failed with version %s; %s returns"
            logger.error(said, name, *numbers, version.hash, former)

    def tell(self) -> None:
        """Tell owners of what was decided. Every process does; the first is heard. Raises Unavailable."""
        while self._untold:
            notify_owners(self._platform, self._untold[0])
            self._untold.pop(0)
