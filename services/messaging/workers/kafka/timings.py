"""How long the loops of Kafka wait for what; tests give shorter times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KafkaTimings:
    """All in seconds."""

    keep: float = 2.0  # between looks at which bots there are
    every: float = 2.0  # between looks at all queues, whatever the hints
    look: float = 0.5  # between looks at how far the program of a bot has read
    idle: float = (
        0.5  # the longest wait for something new: by then something may be read, or the lease be lost
    )
    delivery: float = 0.2  # for the brokers, in one round
    request: float = 3.0  # for one question: the leader of the programs' processes may be another by then
    slow: float = 5.0  # after which brokers that took nothing count as unreachable
    pause: float = 1.0  # after Redis or the database did not answer
    backoff: tuple[float, float] = (1.0, 10.0)  # after brokers did not answer, doubled from one to the other
    parting: float = 5.0  # before topics are deleted: the loop that reads them is to leave them first
    drop_again: float = 30.0  # before topics that could not be deleted are tried again


DEFAULT_TIMINGS = KafkaTimings()
