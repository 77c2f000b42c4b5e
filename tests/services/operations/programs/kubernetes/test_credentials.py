"""How the driver finds its way to the API server, and what it says where there is none."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from services.core.environment import settings_or_exit
from services.core.errors import ConfigurationError
from services.operations.programs.kubernetes.client import ApiError, ApiServer
from services.operations.programs.kubernetes.credentials import POD_ADDRESS, find_access
from services.operations.programs.kubernetes.driver import check_access
from services.operations.programs.kubernetes.kinds import POD
from tests.services.operations.programs.kubernetes.conftest import kubeconfig
from tools.servers.broken import answering, self_signed

FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}"


def test_a_pod_uses_its_service_account_whose_token_changes(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(self_signed(tmp_path).read_bytes())
    (tmp_path / "token").write_text("one\n")
    access = find_access("", tmp_path)
    assert (access.address, access.token()) == (POD_ADDRESS, "one")
    (tmp_path / "token").write_text("two\n")
    assert access.token() == "two"
    assert "two" not in repr(access)


def test_a_server_is_known_by_the_authority_of_the_kubeconfig_alone(tmp_path: Path) -> None:
    pair = self_signed(tmp_path)
    data = base64.b64encode(pair.read_bytes()).decode()
    config = tmp_path / "config"
    with answering(FORBIDDEN, certificate=pair) as address:
        for known, status in (({"certificate-authority-data": data}, 403), ({}, 0)):
            config.write_text(
                yaml.safe_dump(
                    kubeconfig(address, {"client-certificate": str(pair), "client-key-data": data}, **known)
                )
            )
            with pytest.raises(ApiError) as refused:
                ApiServer(find_access(str(config)), "programs").list(POD, "a=b")
            assert refused.value.status == status


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "KUBECONFIG: No such file"),
        ("{", "KUBECONFIG is not YAML"),
        ("current-context: here", "KUBECONFIG is not whole"),
        (kubeconfig("https://c", {"exec": {"command": "aws"}}), "exec, auth-provider"),
        (kubeconfig("https://c", {}, **{"insecure-skip-tls-verify": True}), "insecure-skip-tls-verify"),
        (kubeconfig("https://c", {}, **{"certificate-authority-data": "%%%"}), "KUBECONFIG is not whole"),
        (kubeconfig("https://c", {"tokenFile": "gone"}, **{"certificate-authority": "gone"}), "No such file"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_refused_with_the_reason(
    content: object, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "config"
    if content is not None:
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    with pytest.raises(ConfigurationError, match=words) as refused:
        find_access(str(file))
    assert refused.value.code == "kubernetes_unknown"


def test_outside_of_a_cluster_without_a_kubeconfig_it_is_said_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="KUBECONFIG is not set"):
        find_access("", tmp_path)


def test_a_process_that_could_start_nothing_does_not_start_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "APP_ENV": "test",
        "DATA_DIR": str(tmp_path),
        "WORKER_DRIVER": "kubernetes",
        "WORKER_REDIS_URL": "redis://redis:6379",
        "KUBECONFIG": str(tmp_path / "gone"),
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        settings_or_exit(check_access)
    assert ended.value.code == 2
    assert "KUBECONFIG: No such file" in capsys.readouterr().err
    monkeypatch.setenv("WORKER_DRIVER", "local")
    settings_or_exit(check_access)
