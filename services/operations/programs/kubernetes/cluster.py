"""What there is of ours in the cluster, as far as it is known, and what follows from it for each program."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from services.fleet.workers.copies import Copies, CopiesState
from services.operations.programs.kubernetes.client import ApiServer, Kind, Object
from services.operations.programs.kubernetes.kinds import DEPLOYMENT, POD, SCALED_OBJECT, WATCHED
from services.operations.programs.kubernetes.manifests import BOT, BOT_ID
from services.operations.programs.kubernetes.states import Ended, ended_copies, state_of
from services.operations.programs.kubernetes.watching import Backoff, Watch

JOIN_SECONDS: Final = 2.0


class Cluster:
    """The watched objects with the labels of `selector`. `changed` is set whenever one of them is another."""

    def __init__(self, api: ApiServer, selector: str, changed: threading.Event, backoff: Backoff) -> None:
        self.watches: Mapping[Kind, Watch] = {
            kind: Watch(api, kind, selector, changed, backoff) for kind in (*WATCHED, POD)
        }

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch as long as the block runs."""
        threads = [threading.Thread(target=each.run, daemon=True) for each in self.watches.values()]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for watch in self.watches.values():
                watch.stop()
            for thread in threads:
                thread.join(JOIN_SECONDS)

    @property
    def is_known(self) -> bool:
        """Whether everything was listed once."""
        return all(watch.is_listed for watch in self.watches.values())

    def trouble(self) -> tuple[float, str] | None:
        """Since when (epoch seconds) something is not known any more, and why; None when all is."""
        since = [(each.troubled_since, each.trouble) for each in self.watches.values()]
        return min(((at, why) for at, why in since if at is not None), default=None)

    def orphans(self, names: Collection[str]) -> list[Object]:
        """The Deployments of other names whose end was not asked for yet."""
        return [
            each
            for each in self.watches[DEPLOYMENT].all()
            if each["metadata"]["name"] not in names and not each["metadata"].get("deletionTimestamp")
        ]

    def states(self, names: Collection[str]) -> dict[str, Copies]:
        """How the copies of the programs with these names are."""
        pods, now = self._pods(), time.time()
        return {
            name: state_of(
                self.watches[DEPLOYMENT].get(name),
                self.watches[SCALED_OBJECT].get(name),
                pods.get(name, []),
                now,
            )
            for name in names
        }

    def ends(self, environments: Mapping[str, Mapping[str, str]]) -> dict[str, list[Ended]]:
        """The ends of copies that the cluster remembers, of the programs with these names and environments."""
        pods = self._pods()
        return {name: list(ended_copies(pods.get(name, []), told)) for name, told in environments.items()}

    def leaving(self, names: Collection[str]) -> dict[int, Copies]:
        """By bot: what is there of programs with other names, whose end waits for it to be gone."""
        pods, deployments = (
            [
                int(each["metadata"]["labels"].get(BOT_ID, 0))
                for each in self.watches[kind].all()
                if each["metadata"]["labels"].get(BOT) not in names
            ]
            for kind in (POD, DEPLOYMENT)
        )
        return {
            number: Copies(max(1, pods.count(number)), CopiesState.RUNNING)
            for number in {*pods, *deployments}
        }

    def _pods(self) -> dict[str, list[Object]]:
        pods: dict[str, list[Object]] = {}
        for pod in self.watches[POD].all():
            pods.setdefault(pod["metadata"]["labels"].get(BOT, ""), []).append(pod)
        return pods
