"""What is told of a program, from what Kubernetes and KEDA say of it."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.i18n import Text
from services.fleet.workers.copies import CopiesState
from services.operations.programs.kubernetes.states import ended_copies, state_of

NOW = 1_795_867_200.0  # 2026-11-28 12:00 UTC
LONG_AGO, JUST_NOW, OVER = "2026-11-28T11:00:00Z", "2026-11-28T11:59:58Z", "2026-11-28T11:59:50Z"
RUNS = {"state": {"running": {"startedAt": LONG_AGO}}}
CODE_1 = {"exitCode": 1, "reason": "Error", "startedAt": LONG_AGO, "finishedAt": OVER, "containerID": "c1"}
KILLED = {**CODE_1, "exitCode": 137, "reason": "OOMKilled"}
RESTARTED = {"lastState": {"terminated": CODE_1}, "restartCount": 1}


def pod(container: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    statuses = [] if container is None else [{"image": "r.example.com/b:1", "restartCount": 0, **container}]
    return {"metadata": {"uid": "u"}, "status": {"containerStatuses": statuses, **status}}


def waiting(reason: str, **more: Any) -> dict[str, Any]:
    return pod({"state": {"waiting": {"reason": reason}}, **more})


def unscheduled(words: str) -> dict[str, Any]:
    return pod(
        conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}]
    )


def saying(kind: str, status: str, message: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, "reason": "R", "message": message}]}


@pytest.mark.parametrize(
    ("wanted", "pods", "deployment", "scaler", "told"),
    [
        (0, [], {}, {}, (0, "asleep", "")),
        (0, [pod(RUNS)], {}, {}, (1, "running", "")),  # it has its time to end in
        (1, [], {}, {}, (0, "running", "")),  # it is about to start
        (2, [pod(RUNS), pod(RUNS)], {}, {}, (2, "running", "")),
        (1, [waiting("ContainerCreating")], {}, {}, (0, "running", "")),
        (
            1,
            [waiting("ErrImagePull")],
            {},
            {},
            (0, "failed", "Its image r.example.com/b:1 cannot be fetched (ErrImagePull)"),
        ),
        (
            2,
            [pod(RUNS), waiting("InvalidImageName")],
            {},
            {},
            (1, "running", "Its image r.example.com/b:1 cannot be fetched (InvalidImageName)"),
        ),
        (
            1,
            [waiting("CreateContainerConfigError")],
            {},
            {},
            (0, "failed", "Its container cannot be made (CreateContainerConfigError)"),
        ),
        (1, [pod({"state": {"terminated": CODE_1}})], {}, {}, (0, "failed", "It ended with code 1")),
        (
            1,
            [waiting("CrashLoopBackOff", lastState={"terminated": KILLED})],
            {},
            {},
            (
                0,
                "failed",
                "It was killed: it used more memory than its limit. It is in a crash loop: Kubernetes waits longer before each start",
            ),
        ),
        (
            1,
            [pod({**RESTARTED, "state": {"running": {"startedAt": JUST_NOW}}})],
            {},
            {},
            (1, "failed", "It ended with code 1"),
        ),
        (1, [pod({**RESTARTED, **RUNS})], {}, {}, (1, "running", "")),
        (1, [pod({"state": {"terminated": CODE_1}}, phase="Failed"), pod(RUNS)], {}, {}, (1, "running", "")),
        (
            1,
            [unscheduled("0/3 nodes are available: 3 Insufficient memory.")],
            {},
            {},
            (0, "failed", "No node takes it: 0/3 nodes are available: 3 Insufficient memory."),
        ),
        (
            1,
            [],
            saying("ReplicaFailure", "True", "exceeded quota"),
            {},
            (0, "failed", "Kubernetes lets no copy be made: exceeded quota"),
        ),
        (
            0,
            [],
            {},
            saying("Ready", "False", "redis://u:secret@h refused"),
            (0, "failed", "KEDA does not scale it: redis://u:[redacted]@h refused"),
        ),
        (0, [], {}, saying("Ready", "Unknown", "not yet"), (0, "asleep", "")),
        (0, [], {}, saying("Ready", "True", "well"), (0, "asleep", "")),
    ],
)
def test_the_state_of_a_program_and_the_reason(
    wanted: int,
    pods: list[dict[str, Any]],
    deployment: dict[str, Any],
    scaler: dict[str, Any],
    told: tuple[int, str, str],
) -> None:
    found = state_of({"spec": {"replicas": wanted}, "status": deployment}, {"status": scaler}, pods, NOW)
    assert (found.current, found.state, str(found.reason)) == (told[0], CopiesState(told[1]), told[2])


def test_before_anything_is_there_it_sleeps() -> None:
    assert state_of(None, None, [], NOW).state is CopiesState.ASLEEP


def test_ends_are_told_with_code_time_and_last_lines_and_those_that_were_asked_for_are_not() -> None:
    end = {**CODE_1, "message": "one\ntwo my secret\n"}
    (told,) = ended_copies([pod({"state": {"terminated": end}})], {"KEY": "my secret"})
    assert told.pod == "c1"
    assert (told.told.code, told.told.seconds, told.told.output) == (1, 3590.0, ["one", "two [redacted]"])
    assert int(told.told.at) == NOW - 10
    asked = pod({"state": {"terminated": end}})
    asked["metadata"]["deletionTimestamp"] = OVER
    assert list(ended_copies([asked, pod(RUNS), pod()], {})) == []
    evicted = pod({"state": {"terminated": KILLED}}, reason="Evicted", message="the disk is full")
    ((_, exit_),) = [(each.pod, each.told) for each in ended_copies([evicted], {})]
    assert str(Text.stored(exit_.reason)) == "Kubernetes ended it: the disk is full"
    signalled = pod({"state": {"terminated": {**CODE_1, "signal": 11}}})
    ((_, exit_),) = [(each.pod, each.told) for each in ended_copies([signalled], {})]
    assert (exit_.code, exit_.signal, str(Text.stored(exit_.reason))) == (
        None,
        11,
        "It was killed by SIGSEGV",
    )
