"""What docs/kubernetes/installation.md has people type does what it says: the Secret, the values, KEDA's user of Redis."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from redis import Redis
from redis.exceptions import ResponseError

from services.platform.platform import Platform
from services.platform.redis import keys
from tests.architecture.source import ROOT
from tests.deploy.rendered import PLAIN, PYTHON, containers, kept, needs_helm, of_kind, pods
from tools.helm.__main__ import render

PAGE = (ROOT / "docs/kubernetes/installation.md").read_text()
REFUSED = (
    ("XADD", keys.update_lane(0), "*", "a", "b"),
    ("XLEN", keys.click_stream()),
    ("KEYS", "*"),
    ("ACL", "LIST"),
)


def test_the_secret_has_every_key_that_pods_and_keda_read() -> None:
    made = set(re.findall(r"--from-literal=([A-Z_]+)=", PAGE))
    found = kept(PLAIN)
    read = {
        each["valueFrom"]["secretKeyRef"]["key"]
        for _, template in pods(found)
        for container in containers(template)
        for each in container["env"]
        if "valueFrom" in each
    }
    ((_, login),) = of_kind(found, "TriggerAuthentication").items()
    assert made == read | {each["key"] for each in login["spec"]["secretTargetRef"]}


@needs_helm
def test_the_values_of_the_page_are_enough() -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (found,) = render(PYTHON, [yaml.safe_load(block)])
    assert len(of_kind(found, "Deployment")) == 5


def test_kedas_user_counts_what_waits_in_lanes_and_can_do_nothing_else(platform: Platform) -> None:
    [line] = re.findall(r"^ *ACL SETUSER keda (.*)$", PAGE, re.MULTILINE)
    platform.redis.execute_command("ACL", "SETUSER", "keda", *line.split())  # type: ignore[no-untyped-call]
    known: dict[str, Any] = platform.redis.connection_pool.connection_kwargs
    place = {name: known[name] for name in ("host", "port", "db")}
    entries = [platform.redis.xadd(keys.update_lane(1), {"update": "{}"}) for _ in range(3)]
    with Redis(**place, username="keda", password="PASSWORD", decode_responses=True) as keda:
        assert keda.ping()
        assert keda.info()["redis_version"]
        assert (keda.xlen(keys.update_lane(0)), keda.xlen(keys.update_lane(1))) == (0, 3)
        platform.redis.xdel(keys.update_lane(1), entries[0])  # settled
        assert keda.xlen(keys.update_lane(1)) == 2
        for command in REFUSED:
            with pytest.raises(ResponseError, match=r"(?i)no permission"):
                keda.execute_command(*command)
    platform.redis.acl_deluser("keda")
