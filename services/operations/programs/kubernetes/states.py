"""What is to be told of a program, from what Kubernetes says of its Deployment, its pods and its ScaledObject. Pure."""

from __future__ import annotations

import signal
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.core.i18n import NO_TEXT, Text
from services.core.redaction import redact_text
from services.fleet.workers.copies import Copies, CopiesState, Exit
from services.operations.programs.kubernetes.client import Object
from services.operations.programs.output import Output

NOT_FETCHED: Final = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "ImageInspectError",
}
NOT_MADE: Final = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "ContainerCannotRun",
    "StartError",
}
PROVEN_SECONDS: Final = 10.0  # that a copy must live after a crash to be no part of a crash loop
LONGEST_WORDS: Final = 200  # of Kubernetes' own, in characters


@dataclass(frozen=True)
class Ended:
    """How a copy ended that nobody asked to; `pod` is the name of what ended, the same whenever it is looked at."""

    pod: str
    told: Exit


def state_of(deployment: Object | None, scaler: Object | None, pods: Sequence[Object], now: float) -> Copies:
    """How many copies run at `now` (epoch seconds), and what is wrong with the others, or with scaling."""
    running = [container for pod in pods for container in _containers(pod) if _runs(container)]
    trouble = next((found for pod in pods if (found := _trouble_of(pod, now))), NO_TEXT)
    trouble = trouble or _failed_creation(deployment) or _scaling_trouble(scaler)
    wanted = int(_at(deployment, "spec", "replicas") or 0)
    if not wanted and not running:
        return Copies(0, CopiesState.FAILED if trouble else CopiesState.ASLEEP, trouble)
    if any(_is_proven(each, now) for each in running) or not trouble:
        return Copies(len(running), CopiesState.RUNNING, trouble)
    return Copies(len(running), CopiesState.FAILED, trouble)


def ended_copies(pods: Iterable[Object], environment: Mapping[str, str]) -> Iterator[Ended]:
    """The ends that the pods remember, one per container, with the last lines of it and no secret among them."""
    for pod in pods:
        if _at(pod, "metadata", "deletionTimestamp"):
            continue  # it was asked to
        for container in _containers(pod):
            end = _end(container)
            if end and end.get("finishedAt"):
                name = str(end.get("containerID") or _at(pod, "metadata", "uid"))
                yield Ended(name, _exit(name, end, _of_pod(pod) or _of_end(end), environment))


def _exit(name: str, end: dict[str, Any], reason: Text, environment: Mapping[str, str]) -> Exit:
    output = Output(environment)
    output.feed(str(end.get("message") or "").encode())
    output.feed(b"")
    at = _seconds(end["finishedAt"])
    started = _seconds(end["startedAt"]) if end.get("startedAt") else at
    apart = zlib.crc32(name.encode()) % 1000 / 1000  # two that ended in one second are two
    code, number = int(end.get("exitCode") or 0), end.get("signal") or None
    return Exit(
        at + apart,
        round(max(0.0, at - started), 1),
        None if number else code,
        number,
        reason.for_column(),
        output.last(),
    )


def _trouble_of(pod: Object, now: float) -> Text:
    """What keeps a pod from running, or made it end a moment ago."""
    if _at(pod, "status", "phase") in ("Failed", "Succeeded"):
        return NO_TEXT  # over, and replaced
    for container in _containers(pod):
        if _runs(container) and _is_proven(container, now):
            continue
        waiting, end = str(_at(container, "state", "waiting", "reason") or ""), _end(container)
        if waiting in NOT_FETCHED:
            image = redact_text(str(container.get("image", "")))
            return Text("Its image {image} cannot be fetched ({reason})", image=image, reason=waiting)
        if waiting in NOT_MADE:
            return Text("Its container cannot be made ({reason})", reason=waiting)
        if waiting == "CrashLoopBackOff" and end:
            return Text(
                "{reason}. It is in a crash loop: Kubernetes waits longer before each start",
                reason=_of_end(end),
            )
        if end and not _at(pod, "metadata", "deletionTimestamp"):
            return _of_end(end)
    for condition in _at(pod, "status", "conditions") or []:
        if condition.get("reason") == "Unschedulable" and condition.get("status") == "False":
            return Text("No node takes it: {reason}", reason=_words(condition))
    return NO_TEXT


def _of_pod(pod: Object) -> Text:
    """Why Kubernetes itself ended a pod, as one that filled its disk; "" when it did not."""
    if not _at(pod, "status", "reason"):
        return NO_TEXT
    return Text("Kubernetes ended it: {reason}", reason=_words(pod["status"]))


def _of_end(end: dict[str, Any]) -> Text:
    if end.get("reason") == "OOMKilled":
        return Text("It was killed: it used more memory than its limit")
    if end.get("reason") in NOT_MADE:
        return Text("Its container cannot be made ({reason})", reason=str(end["reason"]))
    if end.get("signal"):
        number = int(end["signal"])
        name = next((each.name for each in signal.Signals if each == number), str(number))
        return Text("It was killed by {signal}", signal=name)
    return Text("It ended with code {code}", code=int(end.get("exitCode") or 0))


def _failed_creation(deployment: Object | None) -> Text:
    for condition in _at(deployment, "status", "conditions") or []:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return Text("Kubernetes lets no copy be made: {reason}", reason=_words(condition))
    return NO_TEXT


def _scaling_trouble(scaler: Object | None) -> Text:
    for condition in _at(scaler, "status", "conditions") or []:
        if condition.get("type") == "Ready" and condition.get("status") == "False":
            return Text("KEDA does not scale it: {reason}", reason=_words(condition))
    return NO_TEXT


def _words(condition: dict[str, Any]) -> str:
    words = redact_text(str(condition.get("message") or condition.get("reason") or ""))
    return words if len(words) <= LONGEST_WORDS else words[:LONGEST_WORDS] + "…"


def _containers(pod: Object) -> list[Object]:
    return list(_at(pod, "status", "containerStatuses") or [])


def _end(container: Object) -> dict[str, Any] | None:
    """How it ended, now or the last time."""
    found = _at(container, "state", "terminated") or _at(container, "lastState", "terminated")
    return found if isinstance(found, dict) else None


def _runs(container: Object) -> bool:
    return _at(container, "state", "running") is not None


def _is_proven(container: Object, now: float) -> bool:
    started = _at(container, "state", "running", "startedAt")
    return not container.get("restartCount") or not started or now - _seconds(started) >= PROVEN_SECONDS


def _at(found: Any, *path: str) -> Any:
    """What is at a path of keys; None where one is missing."""
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
