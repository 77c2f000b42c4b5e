"""How long the other side of a connection may keep a worker waiting; no I/O. Times are seconds of a monotonic clock."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import Enum
from math import inf


@dataclass(frozen=True)
class Limits:
    """What peers may cost a worker. Apache's mod_reqtimeout gives heads and bodies 20 s and wants 500 bytes a second."""

    head: float = 10.0  # for a request's line and fields, from the first byte on; of a connection's first, from its start
    idle: float = 75.0  # until the next request begins
    patience: float = 20.0  # for bytes of a body, or for an answer to be taken; waiting spends it
    rate: int = 1000  # bytes that earn a second of it back
    connections: int = 1000  # at once
    address_share: float = 1.0  # the part of them that one address may have
    proxies: Container[str] = ()  # addresses that have no share: a proxy speaks for many


class Stage(Enum):
    """What is waited for."""

    IDLE = "the first byte of a request"
    HEAD = "the rest of its head"
    FLOW = "its body, or the reader of the answer"


class Patience:
    """What one peer has left of it. A head has a fixed end; bodies and answers must flow."""

    __slots__ = ("_credit", "_is_first", "_limits", "_until", "deadline", "stage")

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._is_first = True
        self._credit = limits.patience
        self._until = now + limits.head
        self.stage = Stage.IDLE
        self.deadline = inf  # of the wait that goes on; endless while nobody waits

    def expect_request(self, now: float) -> None:
        """Everything was answered: the peer may be silent for a while."""
        self.stage = Stage.IDLE
        self._is_first = False
        self._credit = self._limits.patience
        self._until = now + self._limits.idle

    def expect_flow(self) -> None:
        """The head was read."""
        self.stage = Stage.FLOW

    def wait_for_head(self) -> None:
        """A wait for the first bytes of a head, or for more of them, begins."""
        self.deadline = self._until

    def head_came(self, now: float) -> None:
        """It ends."""
        self.deadline = inf
        if self.stage is Stage.IDLE:
            self.stage = Stage.HEAD
            if not self._is_first:
                self._until = now + self._limits.head

    def wait_for_flow(self, now: float) -> None:
        """A wait for bytes of a body, or until some of an answer are taken, begins."""
        self.deadline = now + self._credit

    def flowed(self, now: float, size: int) -> None:
        """It ends: so many bytes went in or out."""
        self._credit = min(self._limits.patience, self.deadline - now + size / self._limits.rate)
        self.deadline = inf

    def idle_for(self, now: float) -> float:
        """Seconds without a byte of a request; 0 when one is read or answered."""
        return now + self._allowed() - self._until if self.stage is Stage.IDLE else 0.0

    def left(self, now: float) -> float:
        """The part of the time allowed that is left: 1 when a wait begins, 0 at its deadline; endless while nobody waits."""
        return (self.deadline - now) / self._allowed()

    def _allowed(self) -> float:
        if self.stage is Stage.FLOW:
            return self._limits.patience
        return self._limits.idle if self.stage is Stage.IDLE and not self._is_first else self._limits.head
