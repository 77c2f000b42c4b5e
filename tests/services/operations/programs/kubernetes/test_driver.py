"""The driver against an API server played at the socket: what is to be is brought about, whatever comes between."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from models import BotWorker
from services.core.i18n import Text
from services.fleet.workers.copies import Copies, CopiesState, all_copies
from services.fleet.workers.registry import end_worker, finish_endings, renew_token
from services.operations.programs.kubernetes.keda_access import installation_of, keda_login
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.heartbeats import beat
from tests.services.operations.programs.conftest import Give
from tests.services.operations.programs.kubernetes.api_server import Server
from tests.services.operations.programs.kubernetes.conftest import (
    QUICK,
    SECRET,
    Leading,
    Played,
    set_image,
)
from tests.services.operations.programs.kubernetes.played_cluster import Cluster
from tests.services.operations.programs.kubernetes.rights import rights_asked_for, rights_used
from tools.servers.sandbox import wait_until

KINDS = (
    "serviceaccounts",
    "secrets",
    "networkpolicies",
    "triggerauthentications",
    "deployments",
    "scaledobjects",
)
IMAGE = ("spec", "template", "spec", "containers")


def owner_of(played: Played) -> Principal:
    account = played.started.bot.account_id
    return Principal(account, f"account:{account}")


def is_told(played: Played, state: CopiesState, words: str) -> Callable[[], bool]:
    def told() -> bool:
        copies = played.started.copies
        return copies.state is state and words in str(copies.reason)

    return told


def test_a_program_becomes_a_deployment_without_copies_and_what_belongs_to_it(
    played: Played, platform: Platform, leading: Leading
) -> None:
    wait_until(lambda: played.is_whole)
    uid = played.found("deployments")["metadata"]["uid"]
    for kind in KINDS:
        found = played.found(kind)
        assert found["metadata"]["labels"]["flotilla/installation"] == installation_of(platform.vault)
        owners = found["metadata"].get("ownerReferences", [])
        assert [each["uid"] for each in owners] == ([] if kind == "deployments" else [uid])
    assert played.found("deployments")["spec"]["replicas"] == 0, "KEDA starts the first"
    public_id = played.started.bot.public_id
    (group,) = platform.redis.xinfo_groups(work_keys.incoming(public_id))
    assert group["name"] == work_keys.group(public_id), "KEDA fails for a group that is not there"
    assert played.secret()["WORKER_TOKEN"] == played.started.token
    assert played.secret()["keda-password"] == keda_login(platform.vault)["password"]
    wait_until(lambda: played.started.copies.state is CopiesState.ASLEEP)
    played.scale(2)
    played.pod({"state": {"running": {}}})
    wait_until(lambda: played.started.copies.current == 1)
    assert played.started.copies.state is CopiesState.RUNNING
    set_image(played.started, "registry.example.com/bot:2")
    wait_until(
        lambda: played.found("deployments")["spec"]["template"]["spec"]["containers"][0]["image"][-1] == "2"
    )
    assert played.found("deployments")["spec"]["replicas"] == 2, "copies are KEDA's to say"


def test_what_is_so_is_left_alone_and_what_others_change_is_put_right(
    played: Played, cluster: Cluster, leading: Leading, caplog: pytest.LogCaptureFixture
) -> None:
    wait_until(lambda: played.is_whole)
    wait_until(lambda: played.started.copies.state is CopiesState.ASLEEP)
    applied = cluster.asked("PATCH", "deployments")
    played.scale(3)
    cluster.edit("deployments", played.name, ("status", "replicas"), 3, "kube-controller-manager")
    cluster.edit("scaledobjects", played.name, ("status", "health"), "well", "keda")
    played.pod({"state": {"running": {}}})
    wait_until(lambda: played.started.copies.current == 1)
    assert cluster.asked("PATCH", "deployments") == applied, "nothing of ours was changed"
    with caplog.at_level(logging.WARNING):
        containers = [{"name": "program", "image": "a.stranger/s:1"}]
        cluster.edit("deployments", played.name, IMAGE, containers)
        cluster.edit("networkpolicies", played.name, ("spec", "egress"), [{}])
        wait_until(lambda: len(played.found("networkpolicies")["spec"]["egress"]) > 1)
        wait_until(
            lambda: played.found("deployments")["spec"]["template"]["spec"]["containers"] != containers
        )
    assert "was changed by others and is put right: Conflict at .spec.egress (409)" in caplog.text
    assert played.found("deployments")["spec"]["replicas"] == 3
    cluster.delete("scaledobjects", played.name)
    wait_until(lambda: played.is_whole)


def test_a_new_token_and_a_restart_reach_the_pods_after_the_secret(
    played: Played, platform: Platform, cluster: Cluster, leading: Leading
) -> None:
    wait_until(lambda: played.is_whole)

    def annotations() -> dict[str, str]:
        found: dict[str, str] = played.found("deployments")["spec"]["template"]["metadata"]["annotations"]
        return found

    before = annotations()
    _, _, token = renew_token(platform, owner_of(played), played.started.bot.id)
    wait_until(lambda: annotations() != before)
    assert played.secret()["WORKER_TOKEN"] == token
    applied = " ".join(path for method, path, _ in cluster.requests if method == "PATCH")
    assert applied.rindex("/secrets/") < applied.rindex("/deployments/"), "no pod starts with the former one"
    played.started.change(restarted_at=played.started.bot.created_at)
    wait_until(lambda: "flotilla/restarted-at" in annotations())


def test_with_the_bot_everything_of_it_goes_and_nothing_of_others(
    played: Played, platform: Platform, cluster: Cluster, leading: Leading
) -> None:
    wait_until(lambda: played.is_whole)
    labels = {"app.kubernetes.io/managed-by": "flotilla", "flotilla/installation": "another"}
    cluster.put("deployments", "bot-of-another", {"metadata": {"labels": labels}})
    cluster.put("deployments", "somebody-elses", {"metadata": {"labels": {}}})
    played.scale(1)
    played.pod({"state": {"running": {}}})
    wait_until(lambda: played.started.copies.current == 1)
    beat(platform, "programs@here:1")
    end_worker(platform, owner_of(played), played.started.bot.id)
    wait_until(lambda: not played.found("deployments"))
    assert [cluster.get(kind, played.name) for kind in KINDS] == [None] * len(KINDS)
    assert played.started.copies.current == 1, "its pod takes its time, and the queue is kept for it"
    assert finish_endings(platform, played.started.bot.id) == 0
    cluster.delete("pods", f"{played.name}-a")
    wait_until(lambda: played.started.bot.id not in all_copies(platform.redis))
    assert finish_endings(platform, played.started.bot.id) == 1
    assert cluster.names("deployments") == ["bot-of-another", "somebody-elses"]
    assert rights_used(cluster) == rights_asked_for(), (
        "what docs/kubernetes/programs.yaml gives, no more and no less"
    )


def test_while_the_api_server_is_away_it_is_told_and_nothing_is_lost(
    played: Played, platform: Platform, cluster: Cluster, server: Server, leading: Leading
) -> None:
    wait_until(lambda: played.is_whole)
    played.scale(1)
    played.pod({"state": {"running": {}}})
    wait_until(lambda: played.started.copies.current == 1)
    server.close()
    wait_until(is_told(played, CopiesState.RUNNING, "Kubernetes has not answered since"))
    leading.let_go()
    platform.redis.delete(work_keys.programs())
    other = Leading(platform, QUICK)
    wait_until(is_told(played, CopiesState.FAILED, "Kubernetes has not answered since"))  # it saw nothing yet
    set_image(played.started, "registry.example.com/bot:2")
    cluster.delete("pods", f"{played.name}-a")  # which nobody hears
    again = Server(cluster, server.server_port)
    try:
        wait_until(lambda: not played.started.copies.reason)
        assert played.started.copies == Copies(0, CopiesState.RUNNING)
        wait_until(lambda: "bot:2" in str(played.found("deployments")))
    finally:
        other.let_go()
        again.close()


def test_watches_that_end_break_off_or_are_too_old_go_on(
    played: Played, cluster: Cluster, leading: Leading
) -> None:
    wait_until(lambda: played.is_whole)
    listed = cluster.asked("GET", "pods")
    cluster.end_watches()
    played.pod({"state": {"running": {}}}, of="a")
    wait_until(lambda: played.started.copies.current == 1)
    assert cluster.asked("GET", "pods") == listed, "a watch that ended goes on where it was"
    cluster.fault = lambda method, path: "close" if "watch=1" in path else None
    cluster.end_watches()
    wait_until(is_told(played, CopiesState.RUNNING, "Kubernetes has not answered since"))
    played.pod({"state": {"running": {}}}, of="b")
    cluster.fault = lambda method, path: None
    wait_until(lambda: played.started.copies.current == 2)
    begun = [
        int(query["resourceVersion"])
        for _, path, query in cluster.requests
        if "watch" in query and path.endswith("/pods")
    ]
    assert begun[-1] > begun[0], "it goes on from what it saw last"
    assert cluster.asked("GET", "pods") == listed
    played.pod({"state": {"running": {}}}, of="c")
    cluster.forget()
    cluster.delete("pods", f"{played.name}-a")
    cluster.delete("pods", f"{played.name}-b")
    wait_until(lambda: played.started.copies.current == 1)
    assert cluster.asked("GET", "pods") > listed, "one that is too old begins anew"


def test_a_server_that_fails_or_refuses_is_asked_again_and_no_secret_is_told_of_it(
    played: Played, cluster: Cluster, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [
        (500, "InternalError", []),
        (429, "TooManyRequests", []),
        "close",
        (422, "Invalid", ["spec.template.spec.containers[0].image"]),
        (403, "Forbidden", []),
        (409, "Conflict", []),
    ]

    def fault(method: str, path: str) -> object:
        return answers[0] if answers and method == "PATCH" and "/secrets/" in path else None

    cluster.fault = fault  # type: ignore[assignment]
    with caplog.at_level(logging.DEBUG):
        leading = Leading(platform, QUICK)
        try:
            while answers:
                before, asked = len(answers), cluster.asked("PATCH", "secrets")
                wait_until(lambda: cluster.asked("PATCH", "secrets") > asked)  # noqa: B023 - called at once
                if isinstance(answers[0], tuple) and answers[0][0] in (422, 403):
                    reason = f"Kubernetes does not take it: {answers[0][1]}"
                    wait_until(is_told(played, CopiesState.FAILED, reason))
                del answers[0]
                assert len(answers) == before - 1
            wait_until(lambda: played.is_whole)
            wait_until(is_told(played, CopiesState.ASLEEP, ""))
        finally:
            leading.let_go()
    assert "Kubernetes does not take" in caplog.text
    for secret in (SECRET, played.started.token, keda_login(platform.vault)["password"]):
        assert secret not in caplog.text


def test_what_is_wrong_with_a_program_is_told_with_its_reason(
    played: Played, platform: Platform, cluster: Cluster, leading: Leading
) -> None:
    wait_until(lambda: played.is_whole)
    played.scale(1)
    played.pod({"state": {"waiting": {"reason": "ImagePullBackOff"}}})
    wait_until(
        is_told(
            played,
            CopiesState.FAILED,
            "Its image registry.example.com/bot:1 cannot be fetched (ImagePullBackOff)",
        )
    )
    end = {
        "exitCode": 3,
        "startedAt": "2026-11-28T10:00:00Z",
        "finishedAt": "2026-11-28T10:00:02Z",
        "containerID": "containerd://1",
        "message": f"cannot read {SECRET}\nbye",
    }
    played.pod(
        {
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": end},
            "restartCount": 4,
        }
    )
    wait_until(is_told(played, CopiesState.FAILED, "It ended with code 3. It is in a crash loop"))
    wait_until(lambda: played.started.lines == ["cannot read [redacted]", "bye"])
    assert [str(Text.stored(each)) for each in played.started.reasons] == ["It ended with code 3"]
    leading.let_go()
    other = Leading(platform, QUICK)
    try:
        wait_until(lambda: cluster.asked("PATCH", "deployments") > 3)
        played.pod({"state": {"running": {}}}, of="b")
        wait_until(lambda: played.started.copies.current == 1)
        assert len(played.started.reasons) == 1, "the next who leads tells no end again"
    finally:
        other.let_go()


def test_two_processes_that_both_believe_they_lead_agree(
    played: Played, give: Give, platform: Platform, cluster: Cluster, leading: Leading
) -> None:
    other = Leading(platform, QUICK)
    command = give("./program")
    second = Played(give("", image="registry.example.com/other:1"), cluster)
    try:
        wait_until(lambda: played.is_whole and second.is_whole)
        wait_until(is_told(played, CopiesState.ASLEEP, ""))
        wait_until(lambda: "name an image" in str(command.copies.reason))
        with platform.database.transaction() as session:
            session.get_one(BotWorker, played.started.bot.id).max_replicas = 7
        wait_until(lambda: played.found("scaledobjects")["spec"]["maxReplicaCount"] == 7)
    finally:
        other.let_go()
    assert cluster.names("deployments") == sorted([played.name, second.name])
