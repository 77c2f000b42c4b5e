"""Programs of owners in a cluster that is played at the socket, looked after by a driver in a thread of the test."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from models import BotWorker
from services.core.settings import Settings
from services.core.worker_settings import WorkerDriver
from services.operations.programs.kubernetes.credentials import find_access
from services.operations.programs.kubernetes.driver import Driver, Timings
from services.operations.programs.kubernetes.manifests import name_of
from services.operations.programs.kubernetes.watching import Backoff
from services.platform.platform import Platform
from tests.services.operations.programs.conftest import Give, Started
from tests.services.operations.programs.kubernetes.api_server import Server
from tests.services.operations.programs.kubernetes.played_cluster import Cluster, Object

TOKEN = "the-service-account's-token"
SECRET = "an owner's own secret"
QUICK = Timings(
    longest_round=0.2,
    shortest_round=0.02,
    applying=0.0,
    refresh=0.1,
    sample=0.1,
    silence=0.0,
    backoff=Backoff(0.02, 0.1),
)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(TOKEN)


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Server]:
    found = Server(cluster)
    yield found
    found.close()


@pytest.fixture
def settings(settings: Settings, server: Server, tmp_path: Path) -> Settings:
    """Programs go to the played cluster, by a kubeconfig."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    config = tmp_path / "kubeconfig"
    config.write_text(yaml.safe_dump(kubeconfig(server.address, {"tokenFile": "token"})))
    return settings.model_copy(
        update={
            "worker_driver": WorkerDriver.KUBERNETES,
            "worker_redis_url": "rediss://redis.flotilla.svc:6380/0",
            "worker_api_url": "http://10.1.2.3:8000",
            "kubeconfig": str(config),
        }
    )


def kubeconfig(address: str, user: Object, **cluster: object) -> Object:
    """A kubeconfig with one context."""
    return {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": address, **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


class Played:
    """A bot with a program in the cluster, as its owner and as the cluster see it."""

    def __init__(self, started: Started, cluster: Cluster) -> None:
        self.started = started
        self.cluster = cluster
        self.name = name_of(started.bot.public_id)

    def found(self, plural: str) -> Object:
        """Its object of a kind; {} while there is none."""
        return self.cluster.get(plural, self.name) or {}

    @property
    def is_whole(self) -> bool:
        """Whether everything was applied."""
        return "ownerReferences" in self.found("scaledobjects").get("metadata", {})

    def secret(self) -> dict[str, str]:
        """What its Secret says."""
        return {
            name: base64.b64decode(value).decode() for name, value in self.found("secrets")["data"].items()
        }

    def pod(self, state: Object, *, of: str = "a", **status: object) -> None:
        """Have a kubelet say that one of its pods is so."""
        container = {"name": "program", "image": "registry.example.com/bot:1", "restartCount": 0, **state}
        labels = self.found("deployments")["spec"]["template"]["metadata"]["labels"]
        self.cluster.put(
            "pods",
            f"{self.name}-{of}",
            {"metadata": {"labels": labels}, "status": {"containerStatuses": [container], **status}},
        )

    def scale(self, copies: int) -> None:
        """Have KEDA want so many copies."""
        self.cluster.edit("deployments", self.name, ("spec", "replicas"), copies, "keda")


@pytest.fixture
def played(give: Give, cluster: Cluster) -> Played:
    """A bot whose owner named an image."""
    started = give("", image="registry.example.com/bot:1", max_replicas=3, environment={"KEY": SECRET})
    return Played(started, cluster)


class Leading:
    """A driver that works in a thread of its own until it is let go."""

    def __init__(self, platform: Platform, timings: Timings) -> None:
        self.driver = Driver(platform, find_access(platform.settings.kubeconfig), timings)
        self._ends = threading.Event()
        self._thread = threading.Thread(
            target=self.driver.lead, args=(lambda: not self._ends.is_set(),), daemon=True
        )
        self._thread.start()

    def let_go(self) -> None:
        """Lead no more."""
        self._ends.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def leading(platform: Platform) -> Iterator[Leading]:
    found = Leading(platform, QUICK)
    yield found
    found.let_go()


def set_image(started: Started, image: str) -> None:
    """Name another image for a bot's program."""
    with started.platform.database.transaction() as session:
        session.get_one(BotWorker, started.bot.id).image = image
