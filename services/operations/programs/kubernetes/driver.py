"""Keeps the programs of all bots in a Kubernetes cluster as the database says; KEDA and Kubernetes start their copies (ADR 45).

Everything it does can be done again: a crash at any step, a second process that believes it leads, an answer that was lost are
made good by the next round. While the API server is away the copies go on, and so does their scaling.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from redis import RedisError

from services.core.errors import Unavailable
from services.core.i18n import NO_TEXT, Text
from services.core.settings import Settings
from services.core.worker_settings import WorkerDriver
from services.fleet.workers.copies import Copies
from services.fleet.workers.programs import Program, programs
from services.operations.programs.kubernetes.applying import Applier
from services.operations.programs.kubernetes.client import ApiError, ApiServer
from services.operations.programs.kubernetes.cluster import Cluster
from services.operations.programs.kubernetes.credentials import Access, find_access
from services.operations.programs.kubernetes.keda_access import (
    installation_of,
    keda_login,
    let_keda_in,
    make_queues,
)
from services.operations.programs.kubernetes.kinds import DEPLOYMENT
from services.operations.programs.kubernetes.manifests import Place, name_of, render
from services.operations.programs.kubernetes.reporting import Reporter, troubled
from services.operations.programs.kubernetes.scaling import reads_kafka
from services.operations.programs.kubernetes.watching import Backoff
from services.platform.platform import Platform
from services.platform.redis.changes import Topic

logger = logging.getLogger(__name__)
NO_IMAGE: Final = Text("Programs run on Kubernetes here: name an image (worker_image) instead of a command")


@dataclass(frozen=True)
class Timings:
    """Seconds: the longest between rounds and the shortest; that one spends on applying; until everything is applied again, whatever is known of it; until
    the database is asked again; between samples; how long the API server may be silent before that is told.
    """

    longest_round: float = 5.0
    shortest_round: float = 0.5
    applying: float = 2.0
    resync: float = 300.0
    refresh: float = 15.0
    sample: float = 15.0
    silence: float = 10.0
    backoff: Backoff = field(default_factory=Backoff)


def check_access(settings: Settings) -> None:
    """Raise ConfigurationError where the driver is wanted and there is no way to a cluster."""
    if settings.worker_driver is WorkerDriver.KUBERNETES:
        find_access(settings.kubeconfig)


def drive(platform: Platform, goes_on: Callable[[], bool]) -> None:
    """Work as long as it `goes_on`; the programs stay as they are when it returns."""
    Driver(platform, find_access(platform.settings.kubeconfig)).lead(goes_on)


@dataclass
class Refused:
    """A program that Kubernetes would not have: why, and from when on (monotonic seconds) it is tried again."""

    reason: Text
    failures: int
    again_at: float


class Driver:
    """The programs of all bots, for one process that leads."""

    def __init__(self, platform: Platform, access: Access, timings: Timings = Timings()) -> None:
        self._platform = platform
        self._settings = platform.settings
        self._timings = timings
        self._api = ApiServer(access, self._settings.kubernetes_namespace)
        login = keda_login(platform.vault)
        self._place = Place(installation_of(platform.vault), self._settings.kubernetes_namespace, login)
        self._changed = threading.Event()  # something to look at
        self._stale = threading.Event()  # the database says something new
        self._cluster = Cluster(self._api, self._place.selector, self._changed, timings.backoff)
        self._applier = Applier(self._api, self._cluster.watches, timings.resync)
        self._reporter = Reporter(platform, timings.sample)
        self._programs: dict[str, Program] | None = None  # by name; None before the database was read
        self._unfit: list[int] = []  # bots whose program has no image
        self._refused: dict[str, Refused] = {}
        self._failures = 0  # of the API server, in a row
        self._failing: tuple[float, str] | None = None  # since when (epoch seconds), and how
        self._keda_trouble = NO_TEXT
        self._refreshed = float("-inf")

    def lead(self, goes_on: Callable[[], bool]) -> None:
        """Work as long as it `goes_on`."""
        self._platform.changes.subscribe(self._on_change)
        try:
            with self._cluster.watched():
                while goes_on():
                    self._changed.clear()
                    self._refresh()
                    if self._programs is not None:
                        self._round(self._programs, goes_on)
                    self._pause(goes_on)
        finally:
            self._platform.changes.unsubscribe(self._on_change)

    def _refresh(self) -> None:
        """Learn which programs there are; without the database they stay as they were."""
        if not self._stale.is_set() and time.monotonic() - self._refreshed < self._timings.refresh:
            return
        self._stale.clear()
        try:
            known = programs(self._platform)
            found = {name_of(each.public_id): each for each in known if each.image}
            new = found.keys() - (self._programs or {}).keys()
            make_queues(self._platform.redis, (found[name].public_id for name in new))
        except Unavailable as error:
            logger.warning("programs are not read anew: %s", error.code)
            return
        except RedisError as error:
            logger.warning("programs are not read anew: %s", type(error).__name__)
            return
        self._keda_trouble = let_keda_in(self._platform.redis, dict(self._place.keda))
        self._refused = {name: each for name, each in self._refused.items() if name in found}
        self._unfit = [each.bot_id for each in known if not each.image]
        self._programs, self._refreshed = found, time.monotonic()

    def _round(self, known: dict[str, Program], goes_on: Callable[[], bool]) -> None:
        if not self._cluster.is_known:
            if silence := self._silence():
                self._reporter.tell_silence([each.bot_id for each in known.values()], silence)
            return
        try:
            self._bring_all(known, goes_on)
            self._delete_orphans(known)
            self._failures, self._failing = 0, None
        except ApiError as error:
            if self._failing is None:
                logger.warning("the API server of Kubernetes fails: %s", error)
            self._failures += 1
            self._failing = (self._failing or (time.time(), ""))[0], str(error)
        self._tell(known)

    def _bring_all(self, known: Mapping[str, Program], goes_on: Callable[[], bool]) -> None:
        """Apply what is not as it should be; of many at once some, so that what is told of the others does not wait."""
        until = time.monotonic() + self._timings.applying
        for name, program in known.items():
            refused = self._refused.get(name)
            if refused is not None and time.monotonic() < refused.again_at:
                continue
            try:
                worked = self._applier.bring(name, render(program, self._settings, self._place))
                self._refused.pop(name, None)
            except ApiError as error:
                if error.is_passing:
                    raise
                self._refuse(name, error, refused)
                worked = True
            if not goes_on() or (worked and time.monotonic() >= until):
                self._changed.set()
                return

    def _refuse(self, name: str, error: ApiError, before: Refused | None) -> None:
        failures = before.failures + 1 if before else 1
        if before is None:
            logger.warning("Kubernetes does not take %s: %s", name, error)
        reason = Text("Kubernetes does not take it: {reason}", reason=str(error))
        pause = self._timings.backoff.after(failures)
        self._refused[name] = Refused(reason, failures, time.monotonic() + pause)

    def _delete_orphans(self, known: Mapping[str, Program]) -> None:
        """Delete what belongs to no program any more; Kubernetes deletes what a Deployment owns."""
        for orphan in self._cluster.orphans(known):
            name = orphan["metadata"]["name"]
            logger.info("the program %s is ended", name)
            self._api.delete(DEPLOYMENT, name, orphan["metadata"]["uid"])
            self._applier.forget(name)

    def _tell(self, known: Mapping[str, Program]) -> None:
        silence, found = self._silence(), self._cluster.states(known)
        ends = self._cluster.ends({name: each.environment for name, each in known.items()})
        states = self._cluster.leaving(known) | dict.fromkeys(self._unfit, troubled(Copies(), NO_IMAGE))
        for name, program in known.items():
            refused = self._refused.get(name)
            keda = NO_TEXT if reads_kafka(program) else self._keda_trouble
            trouble = (refused.reason if refused else NO_TEXT) or keda
            state = troubled(found[name], trouble) if trouble else found[name]
            states[program.bot_id] = replace(state, reason=silence) if silence else state
        by_bot = {program.bot_id: ends[name] for name, program in known.items()}
        self._reporter.tell(states, list(known.values()), by_bot)

    def _silence(self) -> Text:
        """What is told while the API server does not answer."""
        since, why = min(
            (each for each in (self._cluster.trouble(), self._failing) if each), default=(0.0, "")
        )
        if not since or time.time() - since < self._timings.silence:
            return NO_TEXT
        at = datetime.fromtimestamp(since, UTC).strftime("%H:%M:%S UTC")
        return Text("Kubernetes has not answered since {time} ({reason}); copies go on", time=at, reason=why)

    def _pause(self, goes_on: Callable[[], bool]) -> None:
        """Until something changed, but not for long, and not without a pause; longer after each failure of the API server."""
        if self._failures:
            until = time.monotonic() + self._timings.backoff.after(self._failures)
            while goes_on() and time.monotonic() < until:
                time.sleep(min(self._timings.shortest_round, max(0.0, until - time.monotonic())))
            return
        time.sleep(self._timings.shortest_round)
        until = time.monotonic() + self._timings.longest_round
        while goes_on() and time.monotonic() < until and not self._changed.wait(self._timings.shortest_round):
            pass

    def _on_change(self, topic: Topic, _identity: int) -> None:
        if topic in (Topic.BOT, Topic.ANY):
            self._stale.set()
            self._changed.set()
