"""What is started on this machine, and what of its output is kept."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from services.core.settings import Settings
from services.fleet.workers.programs import Program
from services.operations.programs.local import LocalDriver
from services.operations.programs.output import LONGEST_LINE, MOST_AT_ONCE, Output
from tools.servers.sandbox import wait_until

SECRET = "s3cr3t" * 30


def program(command: str = "sleep 9", image: str = "") -> Program:
    return Program(1, "bot_1", command, image, 0, 1, None, {})


def test_what_cannot_be_kept_apart_is_not_started_and_the_owner_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = LocalDriver(settings)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not driver.refusal(program())
    assert "Kubernetes" in str(driver.refusal(program("", "bots/echo:1")))
    assert "quotes" in str(driver.refusal(program("sh -c 'exit")))
    assert "empty" in str(driver.refusal(program("  ")))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "the programs process is not root" in str(driver.refusal(program()))


@pytest.mark.skipif(os.geteuid() != 0, reason="programs are started by root alone")
def test_nobody_who_has_an_account_on_the_machine_is_taken_for_a_copy(
    settings: Settings, server_folder: Path
) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    more = {"worker_dir": server_folder / "programs", "worker_first_uid": nobody, "worker_copies": 1}
    copy = LocalDriver(settings.model_copy(update=more)).start(program())
    wait_until(copy.has_ended)
    assert copy.ending is not None
    assert copy.ending.why == "no_place"


def test_output_is_cut_counted_and_freed_of_secrets_however_it_comes() -> None:
    output = Output({"KEY": SECRET, "SHORT": "abc", "API_URL": "http://here", "TOKEN": "12345678:secret"})
    for piece in (b"first\nsec", b"ond abc http://here\n", f"x{SECRET[:90]}".encode(), b"...\n", b"\xff\n"):
        output.feed(piece)
    output.feed(b"12345678:sec")
    output.feed(b"ret and 1234567:" + b"A" * 30 + b"\n" + b"y" * 100_000 + b"\nno end")
    output.feed(b"")
    lines = output.take()
    assert lines[:5] == [
        "first",
        "second abc http://here",
        "x[redacted]",
        "\ufffd",
        "[redacted] and [redacted]",
    ]
    assert lines[5] == "y" * LONGEST_LINE + "…"
    assert lines[6:] == ["no end"]
    assert output.take() == []
    output.feed(b"again\n" * (MOST_AT_ONCE + 50))
    assert output.take()[-1] == "… 50 lines left out"
    assert output.last() == ["again"] * 20
