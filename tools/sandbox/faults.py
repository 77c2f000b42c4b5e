"""Faults on demand: scripted failures that the next matching Bot API calls run into."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tools.sandbox.errors import ControlError


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    TIMEOUT = "timeout"
    RESET = "reset"
    DELAY = "delay"
    TOO_MANY = "429"
    GARBAGE = "garbage"


DESCRIPTIONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass
class Fault:
    """One scripted fault; None in a filter means every bot or method, in ``count`` without end."""

    id: int
    kind: FaultKind
    bot_id: int | None = None
    method: str | None = None
    status: int = 500
    description: str | None = None
    seconds: float = 65.0
    """For delay and timeout; 65 s is longer than any client here waits."""
    retry_after: int = 1
    probability: float = 1.0
    count: int | None = None
    applied: bool = False
    """True: the call takes effect first and only its answer is lost (the uncertain outcome)."""
    chat_id: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The form the control API shows."""
        return {**self.__dict__, "kind": self.kind.value}


class FaultBook:
    """The active faults, asked in order of their making; the first that matches wins."""

    def __init__(self, rng: random.Random) -> None:
        self.faults: list[Fault] = []
        self._rng = rng
        self._made = 0

    def add(self, spec: dict[str, Any], bot_id: int | None) -> Fault:
        """Add a fault from a control call; raises ControlError 400 for a shape it does not know."""
        self._made += 1
        fault = _parse(self._made, spec, bot_id)
        self.faults.append(fault)
        return fault

    def pick(self, bot_id: int, method: str, chat_id: Any) -> Fault | None:
        """The fault this call runs into, if any; counts it down."""
        for fault in self.faults:
            if not _matches(fault, bot_id, method, chat_id) or self._rng.random() >= fault.probability:
                continue
            if fault.count is not None:
                fault.count -= 1
                if fault.count <= 0:
                    self.faults.remove(fault)
            return fault
        return None


def _matches(fault: Fault, bot_id: int, method: str, chat_id: Any) -> bool:
    if fault.bot_id is not None and fault.bot_id != bot_id:
        return False
    if fault.method is not None and fault.method != method.lower():
        return False
    return fault.chat_id is None or str(fault.chat_id) == str(chat_id)


def _parse(fault_id: int, spec: dict[str, Any], bot_id: int | None) -> Fault:
    try:
        kind = FaultKind(str(spec.get("kind", "")))
        fault = Fault(fault_id, kind, bot_id)
        fault.method = str(spec["method"]).lower() if spec.get("method") else None
        fault.status = int(spec.get("status", fault.status))
        fault.description = spec.get("description")
        fault.seconds = float(spec.get("seconds", fault.seconds))
        fault.retry_after = int(spec.get("retry_after", fault.retry_after))
        fault.probability = float(spec.get("probability", fault.probability))
        fault.count = int(spec["count"]) if spec.get("count") is not None else None
        fault.applied = bool(spec.get("applied", False))
        fault.chat_id = int(spec["chat_id"]) if spec.get("chat_id") is not None else None
    except (TypeError, ValueError) as error:
        raise ControlError(400, "bad_fault", f"not a fault: {error}") from None
    return fault
