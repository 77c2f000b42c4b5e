"""Topics and groups as the parts of this process see them: asked for in another, which may die of it (`topics`, `asking`)."""

from __future__ import annotations

import json
import logging
import selectors
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from services.core.settings import Settings
from services.messaging.workers.kafka.clients import options_of

logger = logging.getLogger(__name__)
CHILD: Final = (sys.executable, "-m", "services.messaging.workers.kafka.asking")
ROOT: Final = Path(__file__).parents[4]
MOST_REQUESTS: Final = 3  # in one question
START_SECONDS: Final = 2.0  # of a child, on a machine that is busy
# After these a client is no use any more: it waits longer each time before it connects again, and may never answer.
LOST: Final = (
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._DESTROY,
)
LARGEST_ANSWER: Final = 1 << 20


class Brokers:
    """What `Topics` answers, of the child. KafkaException when it does not: then another one is started for the next question."""

    def __init__(self, settings: Settings, request_seconds: float) -> None:
        self._settings = settings
        self._request = request_seconds
        self._child: _Child | None = None

    def make(self, wanted: Mapping[str, int]) -> tuple[set[str], dict[str, KafkaError]]:
        """As `Topics.make`."""
        if not wanted:
            return set(), {}
        made, failed = self._ask("make", dict(wanted))
        return set(made), _errors(failed)

    def partitions(self, name: str) -> int:
        """As `Topics.partitions`."""
        return int(self._ask("partitions", name))

    def drop(self, public_id: str) -> None:
        """As `Topics.drop`."""
        self._ask("drop", public_id)

    def committed(
        self, wanted: Mapping[str, Collection[int]]
    ) -> tuple[dict[str, dict[int, int]], dict[str, KafkaError]]:
        """As `Topics.committed`."""
        if not wanted:
            return {}, {}
        found, failed = self._ask("committed", {name: sorted(which) for name, which in wanted.items()})
        return {name: _numbers(offsets) for name, offsets in found.items()}, _errors(failed)

    def set_committed(self, public_id: str, offsets: Mapping[int, int]) -> bool:
        """As `Topics.set_committed`."""
        return bool(self._ask("set_committed", public_id, dict(offsets)))

    def ends(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """As `Topics.ends`."""
        return _numbers(self._ask("ends", topic, sorted(partitions)))

    def is_read(self, public_id: str) -> bool:
        """As `Topics.is_read`."""
        return bool(self._ask("is_read", public_id))

    def close(self) -> None:
        """End the child; the next question starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _ask(self, method: str, *of: Any) -> Any:
        try:
            child = self._child_here()
            child.write({"method": method, "of": of})
            said = json.loads(child.line(START_SECONDS + MOST_REQUESTS * self._request))
        except (OSError, EOFError) as error:
            logger.warning("kafka: the brokers went away while they were asked (%s)", type(error).__name__)
            self.close()
            raise KafkaException(KafkaError(KafkaError._TRANSPORT)) from error
        if any(code in LOST for code in said["codes"]):
            self.close()
        if "error" in said:
            raise KafkaException(KafkaError(*said["error"]))
        return said["answer"]

    def _child_here(self) -> _Child:
        if self._child is None:
            self._child = _Child()
            options, replication = options_of(self._settings), self._settings.kafka_replication
            self._child.write({"options": options, "replication": replication, "seconds": self._request})
        return self._child


class _Child:
    """The process that asks."""

    def __init__(self) -> None:
        process = subprocess.Popen(CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)  # noqa: S603 - our own module
        if process.stdin is None or process.stdout is None:
            raise OSError("a child without pipes")
        self._process, self._input, self._output = process, process.stdin, process.stdout

    def write(self, said: Any) -> None:
        """Say a line; raises OSError when it died."""
        self._input.write(json.dumps(said).encode() + b"\n")
        self._input.flush()

    def line(self, patience: float) -> bytes:
        """What it says; raises EOFError when it died, TimeoutError when it is silent."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            if not selector.select(patience):
                raise TimeoutError
        line = self._output.readline(LARGEST_ANSWER)
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    def end(self) -> None:
        """Have it be gone."""
        self._process.kill()
        self._process.communicate()


def _errors(failed: Mapping[str, list[Any]]) -> dict[str, KafkaError]:
    return {name: KafkaError(*error) for name, error in failed.items()}


def _numbers(offsets: Mapping[str, int]) -> dict[int, int]:
    return {int(partition): offset for partition, offset in offsets.items()}
